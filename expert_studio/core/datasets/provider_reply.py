"""What a provider is asked and what it answers, the same for every dialect."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, Self

Ending = Literal["done", "cut", "refused", "tool"]
"""How a reply ended: whole, at a limit, as a refusal, or as a call of a tool."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Attributes:
        most_tokens: of the reply, thoughts included.
        temperature: None for the model's own.
        seed: sent only to servers of the person's own; others do not honour it.
        thinks: whether the model shall think before it answers, where that can be chosen.
        schema: the JSON schema of the whole reply, as text; "" where it is more than one value.
            A model of this process is held to it.
    """

    model: str
    system: str
    prompt: str
    most_tokens: int
    temperature: float | None = None
    seed: int = 0
    thinks: bool = False
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; `text` without thoughts, token counts None where the provider gave none."""

    text: str
    ending: Ending = "done"
    reasoning: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> Self:
        return cls(**{name: stated[name] for name in cls.__slots__ if name in stated})


class LocalModel(Protocol):
    """A model of this process, such as the base with a stack; the caller hands it in."""

    async def answer(self, question: Question) -> Reply:
        """Answers one question.

        Raises:
            ExpertError: it cannot.
        """
        ...


class Teacher(Protocol):
    """Whoever can be asked, near or far.

    Raises (from `ask`):
        ProviderError: there is no usable reply; its scope says what that costs.
    """

    async def ask(self, question: Question) -> Reply: ...

    async def close(self) -> None: ...
