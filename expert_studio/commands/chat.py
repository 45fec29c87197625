"""A conversation in the terminal: prompts, streamed answers, commands that change the stack.

Knows nothing of decoding nor of how the engine is loaded (`answering`). What is said is kept
for this conversation only.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from expert_studio.commands.answering import (
    Context,
    Device,
    Experts,
    KvOption,
    MaxTokens,
    Mixing,
    Mode_,
    QuantOption,
    Seed,
    System,
    Temperature,
    advised_sampling,
    compose_stack,
    loaded_engine,
    parse_experts,
    readable,
    say_timing,
    show,
    stop_on_interrupt,
)
from expert_studio.commands.bases import Base
from expert_studio.commands.library import opened_library
from expert_studio.commands.report import say, say_aside, say_table
from expert_studio.core.errors import ExpertError, UsageError
from expert_studio.core.inference.conversation import Message

if TYPE_CHECKING:
    from expert_studio.core.inference.engine import Engine
    from expert_studio.core.inference.stack import Stack

COMMANDS = (
    ("/experts", "the experts there are, and which of them answer"),
    ("/weight NAME W", "let an expert answer with this weight; 0 takes it out"),
    ("/remove NAME", "take an expert out"),
    ("/system TEXT", "set the message that stands before the conversation"),
    ("/new", "start a new conversation"),
    ("/help", "this list"),
    ("/exit", "end; so does Ctrl-D"),
)


def chat(  # noqa: PLR0913, PLR0917 - a verb's options are its arguments
    experts: Experts = "",
    system: System = "",
    base: Base = None,
    quant: QuantOption = None,
    kv: KvOption = None,
    context: Context = None,
    device: Device = None,
    mode: Mode_ = Mixing.SUM,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    seed: Seed = None,
) -> None:
    """Talk in the terminal. Ctrl-C stops an answer, /help lists the commands."""
    chosen = parse_experts(experts)
    asked = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    with loaded_engine(base, quant, device, kv, context) as engine:
        talk = _Talk(engine, chosen, mode, asked, readable(system))
        described = engine.base
        say_aside(f"{described.name}, {described.quantization}, {described.device_name}. /help")
        while (line := _read_line()) is not None:
            if line in {"/exit", "/quit"}:
                return
            try:
                talk.hear(line)
            except ExpertError as cause:
                say_aside(str(cause))


class _Talk:
    """One conversation. A failed command or prompt leaves it as it was."""

    def __init__(
        self,
        engine: Engine,
        chosen: dict[str, float],
        mode: Mixing,
        asked: Mapping[str, Any],
        system: str,
    ) -> None:
        self._engine = engine
        self._chosen = chosen
        self._mode = mode
        self._asked = asked
        self._system = system
        self._turns: list[Message] = []
        self._stack = compose_stack(chosen, engine, mode)

    def hear(self, line: str) -> None:
        """Obeys one line or answers it."""
        command, _, rest = line.partition(" ")
        if not line.startswith("/"):
            if line.strip():
                self._answer(line)
        elif command == "/help":
            say_table(("", ""), COMMANDS)
        elif command == "/experts":
            self._list_experts()
        elif command == "/weight":
            name, _, weight = rest.strip().rpartition(" ")
            self._choose({**self._chosen, **parse_experts(f"{name}={weight}")})
        elif command == "/remove":
            name = opened_library().find(rest.strip()).name
            self._choose({**self._chosen, name: 0.0})
        elif command == "/system":
            self._system = rest
        elif command == "/new":
            self._turns = []
        else:
            raise UsageError(f"There is no command {command}.", "", "/help lists them.")

    def _choose(self, wanted: dict[str, float]) -> None:
        library = opened_library()
        named = {library.find(name).name: weight for name, weight in wanted.items()}
        chosen = {name: weight for name, weight in named.items() if weight}
        self._stack = compose_stack(chosen, self._engine, self._mode)
        self._chosen = chosen
        say(_in_words(self._stack))

    def _list_experts(self) -> None:
        answering = {member.name: member for member in self._stack.members}
        rows = []
        for expert in opened_library().experts():
            member = answering.get(expert.name)
            weight = f"{member.weight:g}" if member else "-"
            needed = f"needed by {', '.join(member.required_by)}" if member else ""
            only_needed = needed if expert.name not in self._chosen else ""
            rows.append((weight, expert.name, expert.manifest.description, only_needed))
        say_table(("weight", "expert", "what it does", ""), rows)

    def _answer(self, prompt: str) -> None:
        before = [Message("system", self._system)] if self._system else []
        turns = [*self._turns, Message("user", prompt)]
        with stop_on_interrupt() as stopped:
            answer = self._engine.generate(
                [*before, *turns],
                self._stack,
                advised_sampling(self._asked, self._stack),
                show,
                stopped.is_set,
            )
        say("")
        self._turns = [*turns, Message("assistant", answer.text)]
        if answer.finish_reason == "cancelled":
            say_aside("Stopped; what was said so far is kept.")
        say_timing(answer)


def _in_words(stack: Stack) -> str:
    if not stack.members:
        return "The base answers alone."
    return " + ".join(f"{member.name} x {member.weight:g}" for member in stack.members)


def _read_line() -> str | None:
    """One line from the person; None at the end. Ctrl-C drops the line."""
    if sys.stdin is None:  # closed: nobody can say anything
        return None
    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):  # absent on Windows, whose console edits lines
            import readline  # noqa: F401
    while True:
        try:
            if sys.stdin.isatty():
                return input("> ")
            line = sys.stdin.readline()
            return line.rstrip("\r\n") if line else None
        except KeyboardInterrupt:
            say_aside("")
        except EOFError:
            return None
