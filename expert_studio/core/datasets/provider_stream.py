"""The events of a streamed reply in either dialect, and one reply gathered from them.

A reply that comes in one piece is read as a stream of one event. What is not of the
shape it should be is taken for absent: the reply then lacks text or an ending, which is
reason enough to lose its rows and no more. Knows nothing of connections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from expert_studio.core.datasets.provider_reply import Ending, Reply

_ENDINGS: Mapping[str, Ending] = {
    "stop": "done",
    "end_turn": "done",
    "stop_sequence": "done",
    "length": "cut",
    "max_tokens": "cut",
    "model_context_window_exceeded": "cut",
    "content_filter": "refused",
    "refusal": "refused",
    "tool_calls": "tool",
    "function_call": "tool",
    "tool_use": "tool",
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one event adds."""

    text: str = ""
    reasoning: str = ""
    ending: Ending | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(slots=True)
class ReplyParts:
    """A reply as it comes in."""

    _text: list[str] = field(default_factory=list)
    _reasoning: list[str] = field(default_factory=list)
    _ending: Ending | None = None
    _input: int | None = None
    _output: int | None = None

    def take(self, part: Part) -> None:
        self._text.append(part.text)
        self._reasoning.append(part.reasoning)
        if part.ending is not None and self._ending != "tool":
            self._ending = part.ending
        self._input = self._input if part.input_tokens is None else part.input_tokens
        self._output = self._output if part.output_tokens is None else part.output_tokens

    def reply(self, redact: Callable[[str], str] = str) -> Reply:
        """The reply so far; one that never said that it ended counts as cut."""
        text, thought = redact("".join(self._text)), redact("".join(self._reasoning))
        if "</think>" in text:  # servers of open models leave it in
            inside, _, text = text.rpartition("</think>")
            thought = thought or inside.replace("<think>", "").strip()
        return Reply(text, self._ending or "cut", thought, self._input, self._output)


def openai_event(event: object) -> Part:
    """A `chat.completion.chunk`, or a whole `chat.completion`."""
    choices = _list(_get(event, "choices"))
    choice = choices[0] if choices else {}
    said = _get(choice, "delta") or _get(choice, "message") or {}
    calls = _list(_get(said, "tool_calls")) or _get(said, "function_call")
    refusal = _text(_get(said, "refusal"))
    usage = _get(event, "usage")
    ending: Ending | None = _ENDINGS.get(_text(_get(choice, "finish_reason")))
    return Part(
        text=_text(_get(said, "content")),
        reasoning=_text(_get(said, "reasoning_content")) or _text(_get(said, "reasoning")),
        ending="tool" if calls else "refused" if refusal else ending,
        input_tokens=_count(_get(usage, "prompt_tokens")),
        output_tokens=_count(_get(usage, "completion_tokens")),
    )


def anthropic_event(event: object) -> Part:
    """One event of a message's stream, or a whole message."""
    kind = _text(_get(event, "type"))
    if kind == "message":
        return _anthropic_message(event)
    if kind == "message_start":
        usage = _get(_get(event, "message"), "usage")
        return Part(input_tokens=_input_tokens(usage))
    if kind == "content_block_start":
        called = _text(_get(_get(event, "content_block"), "type")) == "tool_use"
        return Part(ending="tool" if called else None)
    if kind == "content_block_delta":
        delta = _get(event, "delta")
        return Part(text=_text(_get(delta, "text")), reasoning=_text(_get(delta, "thinking")))
    if kind == "message_delta":
        return Part(
            ending=_ENDINGS.get(_text(_get(_get(event, "delta"), "stop_reason"))),
            output_tokens=_count(_get(_get(event, "usage"), "output_tokens")),
        )
    return Part()


def _anthropic_message(message: object) -> Part:
    blocks = _list(_get(message, "content"))
    usage = _get(message, "usage")
    called = any(_get(block, "type") == "tool_use" for block in blocks)
    return Part(
        text="".join(_text(_get(block, "text")) for block in blocks),
        reasoning="".join(_text(_get(block, "thinking")) for block in blocks),
        ending="tool" if called else _ENDINGS.get(_text(_get(message, "stop_reason"))),
        input_tokens=_input_tokens(usage),
        output_tokens=_count(_get(usage, "output_tokens")),
    )


def _input_tokens(usage: object) -> int | None:
    """Input tokens, those written to or read from a cache among them."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    counts = [_count(_get(usage, name)) for name in names]
    return None if counts[0] is None else sum(count or 0 for count in counts)


def _get(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 40 else None
