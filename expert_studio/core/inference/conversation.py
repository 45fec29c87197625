"""What is said to a base with a stack, and what comes back.

Messages, how to decode, the answer with its timing, and the protocol that the
window's model thread and the command line speak with an engine. Knows nothing
of tensors: views and runtime import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.stack import Stack
from expert_studio.core.settings import KVFormat, Quantization

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. temperature 0 is greedy."""

    max_tokens: int = 512
    temperature: float = 0.7
    top_k: int = 20  # 0 turns it off
    top_p: float = 0.8  # 1 turns it off
    min_p: float = 0.0
    repetition_penalty: float = 1.0  # 1 turns it off
    seed: int | None = None  # None draws one; the answer says which
    stop: tuple[str, ...] = ()
    constraint: Constraint | None = None  # what the text must look like
    # how many of the likeliest tokens are told beside each said one; None tells nothing
    logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class BaseRequest:
    """Which base to load, and how."""

    folder: Path
    quantization: Quantization = "bf16"
    device: str = "auto"
    kv: KVFormat = "native"  # how keys and values are kept
    context: int = 0  # tokens; 0 is the base's own, more than that is reached by YaRN
    cache_bytes: int = 0  # for keys and values of earlier texts; 0 is a share of the memory


@dataclass(frozen=True, slots=True)
class BaseDescription:
    """A base that is loaded."""

    name: str  # as manifests name it: "expert-base-12m", "Qwen3-0.6B"
    folder: Path
    sha256: str  # of model.safetensors (of the shards' hashes where there are several)
    architecture: str  # "qwen3" or "qwen2"
    quantization: Quantization
    device: str  # "cpu", "cuda:0", "mps"
    device_name: str  # in plain words: "NVIDIA GeForce RTX 3060", "CPU, 8 cores"
    parameters: int
    resident_bytes: int
    context_length: int  # tokens
    kv: KVFormat = "native"


@dataclass(frozen=True, slots=True)
class AnswerTiming:
    """What one answer cost."""

    ttft_ms: float  # prompt given to first token out
    decode_tok_s: float  # tokens after the first, per second; 0 when there is none
    prompt_tokens: int
    cached_tokens: int  # of prompt_tokens, how many came from the KV cache
    tokens: int  # generated


@dataclass(frozen=True, slots=True)
class SaidToken:
    """One token of an answer and how likely the base with its stack found it.

    Natural logarithms of the probabilities before temperature, penalties, filters and
    constraints.
    """

    token: int
    text: str  # half a character is shown as U+FFFD
    logprob: float | None  # None where a constraint left no choice and none was computed
    likeliest: tuple[tuple[int, str, float], ...] = ()  # (token, text, logprob), best first


@dataclass(frozen=True, slots=True)
class Question:
    """One of several to be answered together."""

    messages: tuple[Message, ...]
    stack: Stack
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class StackSpan:
    """Which stack said which tokens of an answer."""

    stack: Stack
    start: int  # of the answer's tokens
    end: int
    text_start: int  # characters of the answer's text that came before


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer, with all it takes to run exactly this again."""

    text: str
    stack: Stack  # that said its end
    sampling: Sampling  # with the seed that was really used
    finish_reason: FinishReason
    timing: AnswerTiming
    # Whether the text fulfils `sampling.constraint`, whole; None where there is none. An answer
    # that was cut does not, and must not be passed on as if it did.
    constraint_satisfied: bool | None = None
    said: tuple[SaidToken, ...] | None = None  # where `sampling.logprobs` asked for it
    context_used: int = 0  # positions that prompt and answer take, soft prompts included
    context_limit: int = 0  # positions there are
    spans: tuple[StackSpan, ...] = ()  # one for each stack that spoke, in order
    tokens: tuple[int, ...] = ()  # that were said


@dataclass(frozen=True, slots=True)
class AttributedToken:
    """One token of an answer, and what each expert did for it.

    Natural logarithms of probabilities, before temperature, penalties and filters.

    Attributes:
        logprob: under the whole stack.
        gains: in the stack's order, how much less likely the token would be without that expert.
    """

    text: str  # half a character is shown as U+FFFD
    logprob: float
    gains: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Attribution:
    """What each expert of a stack did for an answer, by leaving one out after another."""

    experts: tuple[str, ...]  # names, in the stack's order
    tokens: tuple[AttributedToken, ...]

    def gain(self, expert: str) -> float:
        """Over the whole answer: log-probability with the expert less that without it."""
        at = self.experts.index(expert)
        return sum(token.gains[at] for token in self.tokens)


@dataclass(frozen=True, slots=True)
class MemoryByOwner:
    """Bytes held on the engine's device, by owner."""

    base: int
    experts: tuple[tuple[str, int], ...]  # (name, bytes), in load order
    kv_cache: int


class ChatEngine(Protocol):
    """One base, many adapters. Every call comes from the one model thread."""

    @property
    def base(self) -> BaseDescription: ...

    def generate(
        self,
        messages: Sequence[Message],
        stack: Stack,
        sampling: Sampling,
        on_text: Callable[[str], None],
        should_stop: Callable[[], bool],
        on_read: Callable[[int, int], None] | None = None,
        next_stack: Callable[[], Stack | None] | None = None,
        replay: Sequence[StackSpan] = (),
    ) -> Answer:
        """Streams an answer: `on_text` gets each new piece of decoded text.

        Where the last message is the assistant's, the answer goes on from it. `should_stop` is
        asked before every token; what was said so far is kept and `finish_reason` is "cancelled".
        `on_read` gets how many tokens of what is to be read are read. `next_stack` is asked at
        every token; another stack goes on from there. `replay` has other stacks go on where they
        did in an earlier answer.

        Raises:
            InferenceError: the prompt does not fit the context, or the stack is of another base.
            UsageError: the constraint cannot be used.
            OutOfMemoryError: no room; the engine stays usable.
        """
        ...

    def generate_batch(
        self,
        questions: Sequence[Question],
        on_text: Callable[[int, str], None],
        should_stop: Callable[[], bool],
    ) -> tuple[Answer, ...]:
        """Answers several at once; `on_text` gets the question's index with each piece.

        Raises:
            As `generate`, of any of them.
        """
        ...

    def attribute(
        self,
        messages: Sequence[Message],
        tokens: Sequence[int],
        stack: Stack,
        on_done: Callable[[int, int], None],
        should_stop: Callable[[], bool],
    ) -> Attribution | None:
        """What each expert did for an answer; None where it was stopped.

        `on_done` gets how many passes are done and how many there are.

        Raises:
            As `generate`.
        """
        ...

    def attach_experts(self, stack: Stack) -> object:
        """Reads a stack's experts ahead of its first answer.

        Raises:
            As `generate`, and LoadError, IntegrityError where an expert cannot be read.
        """
        ...

    def memory(self) -> MemoryByOwner: ...

    def close(self) -> None:
        """Gives the memory back. Later calls raise InferenceError."""
        ...


EngineFactory = Callable[[BaseRequest, Callable[[float], None]], ChatEngine]
"""Loads a base (seconds; imports torch on first use); the callback gets 0.0 to 1.0."""
