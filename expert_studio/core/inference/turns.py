"""What a conversation consists of: what was set, what was said, in which branches.

Frozen values; knows nothing of how they are kept or of who answers.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from expert_studio.core.inference.conversation import (
    Answer,
    AnswerTiming,
    FinishReason,
    Message,
    Sampling,
    StackSpan,
)
from expert_studio.core.inference.stack import EMPTY, Mode, Stack

TITLE_LENGTH = 60
# C0 controls but tab and newline, DEL, C1, and the signs that turn the direction of writing
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
TurnState = Literal["finished", "streaming", "length", "cancelled", "failed"]
STATES: dict[FinishReason, TurnState] = {
    "stop": "finished", "length": "length", "cancelled": "cancelled",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Composition:
    """What the person set for one conversation: names and weights, not yet a stack.

    Attributes:
        adjusted: weights of experts that came along.
        grammar: whether an expert's grammar holds the answer.
        system: what stands before the first message; "" for nothing.
        preset: the name of the sampling preset; "" for what the experts advise.
        sampling: fields of `Sampling` the person set.
    """

    chosen: Mapping[str, float]
    adjusted: Mapping[str, float] = field(default_factory=dict)
    mode: Mode = "sum"
    grammar: bool = True
    system: str = ""
    preset: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StackPreset:
    """A composition under a name, for any conversation; only what concerns the stack counts."""

    name: str
    composition: Composition


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of the conversation list."""

    id: str
    title: str
    updated_at_s: float  # unix time
    composition: Composition
    pinned: bool = False
    archived: bool = False

    @classmethod
    def begun(cls, title: str, composition: Composition) -> Self:
        """A new one, not yet kept anywhere."""
        return cls(uuid.uuid4().hex, title, time.time(), composition)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as kept; an assistant's carries all it takes to run it again.

    Attributes:
        stack: that said the end of the answer.
        spans: which stack said which part, where there is more than one. Of an answer that
            broke off, only `stack` and `text_start` of each are known; the tokens are 0.
        context_used, context_limit: positions, 0 where they are not known.
        parent: the turn it was said after; "" for the first, None for whatever was said last.
            Turns with one parent are branches.
        system: what stood before the first message when it was asked.
        begun_with: characters at the beginning that another answer said, which this one continues.
        tokens: of what was said after those, for whoever says exactly this again.
    """

    id: str
    role: Literal["user", "assistant"]
    text: str
    state: TurnState
    at_s: float  # unix time
    stack: Stack | None = None
    sampling: Sampling | None = None
    timing: AnswerTiming | None = None
    spans: tuple[StackSpan, ...] = ()
    context_used: int = 0
    context_limit: int = 0
    parent: str | None = None
    system: str = ""
    begun_with: int = 0
    tokens: tuple[int, ...] = ()

    @classmethod
    def said(cls, text: str, parent: str | None = None) -> Self:
        """What the person sent."""
        return cls(uuid.uuid4().hex, "user", text, "finished", time.time(), parent=parent)

    @classmethod
    def begun(
        cls, stack: Stack, sampling: Sampling, parent: str | None = None, system: str = ""
    ) -> Self:
        """An answer of which nothing has arrived yet."""
        return cls(
            uuid.uuid4().hex, "assistant", "", "streaming", time.time(), stack, sampling,
            parent=parent, system=system,
        )  # fmt: skip

    @property
    def asked_with(self) -> tuple[Stack, tuple[StackSpan, ...]]:
        """The stack that began what is this answer's own, and those that went on with it."""
        own = tuple(span for span in self.spans if span.text_start >= self.begun_with)
        if own and own[0].start == 0:
            return own[0].stack, own[1:]
        before = [span.stack for span in self.spans if span.text_start < self.begun_with]
        return (before[-1] if before else self.stack or EMPTY), own

    def continued(self, stack: Stack, sampling: Sampling) -> Self:
        """Another answer in this one's place, that begins with all it says."""
        begun = self.begun(stack, sampling, self.parent, self.system)
        spans = self.spans or (StackSpan(self.stack or stack, 0, 0, 0),)
        if stack.hash != spans[-1].stack.hash:
            spans = (*spans, StackSpan(stack, 0, 0, len(self.text)))
        kept = spans if len(spans) > 1 else ()
        return replace(begun, text=self.text, begun_with=len(self.text), spans=kept)

    def ended(self, answer: Answer) -> Self:
        """With all that is known at the end of its answer."""
        before = self.begun_with
        told = tuple(replace(s, text_start=s.text_start + before) for s in answer.spans)
        if before:
            earlier = tuple(s for s in self.spans if s.text_start < before)
            first = told[0] if told else StackSpan(answer.stack, 0, 0, before)
            earlier = earlier or (replace(first, start=0, end=0, text_start=0),)
            same = first.stack.hash == earlier[-1].stack.hash
            told = (*earlier, *(told[1:] if same else told))
        return replace(
            self,
            text=self.text[:before] + answer.text,
            state=STATES[answer.finish_reason],
            stack=answer.stack,
            sampling=answer.sampling,
            timing=answer.timing,
            spans=told if len(told) > 1 else (),
            context_used=answer.context_used,
            context_limit=answer.context_limit,
            tokens=answer.tokens,
        )


@dataclass(frozen=True, slots=True)
class Thread:
    """All turns of one conversation, in the order in which they were said.

    Attributes:
        tip: the last turn of the branch that is looked at; "" where nothing was said.
    """

    turns: tuple[Turn, ...] = ()
    tip: str = ""

    def path(self) -> tuple[Turn, ...]:
        """From the first turn to the tip."""
        by_id = {turn.id: turn for turn in self.turns}
        found: list[Turn] = []
        at = by_id.get(self.tip)
        while at is not None and len(found) <= len(by_id):
            found.append(at)
            at = by_id.get(at.parent or "")
        return tuple(reversed(found))

    def branches(self) -> dict[str, tuple[str, ...]]:
        """For each turn of the path that has any beside it: all in its place, itself included."""
        places: dict[str | None, list[str]] = {}
        for turn in self.turns:
            places.setdefault(turn.parent, []).append(turn.id)
        found = {turn.id: tuple(places[turn.parent]) for turn in self.path()}
        return {turn: beside for turn, beside in found.items() if len(beside) > 1}

    def find(self, turn: str) -> Turn | None:
        return next((each for each in self.turns if each.id == turn), None)

    def with_turn(self, turn: Turn) -> Self:
        """The turn in place of the one of that id; or a new one, which becomes the tip."""
        if any(each.id == turn.id for each in self.turns):
            return replace(self, turns=tuple(turn if t.id == turn.id else t for t in self.turns))
        return replace(self, turns=(*self.turns, turn), tip=turn.id)

    def at(self, turn: str) -> Self:
        """Looks at the branch of this turn, down to what was said last in it."""
        last = {each.parent or "": each.id for each in self.turns}
        tip = turn
        for _ in self.turns:
            if tip not in last:
                break
            tip = last[tip]
        return replace(self, tip=tip)


def answered(turns: Sequence[Turn]) -> list[Turn]:
    """The turns without what was said in vain: a prompt too long once would be so for ever."""
    kept: list[Turn] = []
    for turn in turns:
        if turn.state == "failed" and not turn.text:
            while kept and kept[-1].role == "user":
                kept.pop()
        else:
            kept.append(turn)
    return kept


def messages(turns: Iterable[Turn], system: str = "") -> tuple[Message, ...]:
    """The turns as an engine is asked them; empty answers are left out."""
    before = (Message("system", system),) if system.strip() else ()
    return (*before, *(Message(turn.role, turn.text) for turn in turns if turn.text))


def is_blank(text: str) -> bool:
    """Whether it says nothing. Looks no further than to the first letter: a file may follow."""
    return not text or text.isspace()


def title_of(text: str) -> str:
    """A title for what begins with this message: its first line, not of what was given along."""
    beginning = text[: 20 * TITLE_LENGTH].lstrip()  # of megabytes no copy is made
    return short_title((beginning or text.lstrip()).partition("\n")[0])


def short_title(text: str) -> str:
    """One line of at most sixty characters, for the list."""
    line = " ".join(UNSEEN.sub("", text[: 20 * TITLE_LENGTH]).split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"
