"""From a draw to a row: what every domain made by rule does alike.

A draw whose prompt was already given is drawn again, so that no prompt comes twice as long
as the families have other prompts to give. Knows no domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from expert_studio.core.datasets.examples import Example, Scorer, Turn
from expert_studio.core.datasets.offline_request import RowDraw
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.errors import DatasetError

TRIES = 24
FAMILY_TRIES = 8_000
RULE_LICENSE = "CC0-1.0"


@dataclass(frozen=True, slots=True)
class MadeRow:
    """A prompt with its right answer and with wrong ones.

    Attributes:
        family: without the task in front.
        wrong: answers with one flaw each, as (flaw, answer); not equal to the right one.
        source, license: of corpus text in the row; empty where all is made by rule.
    """

    prompt: str
    answer: str
    family: str
    scorer: Scorer
    wrong: Sequence[tuple[str, str]] = ()
    check: str = ""
    source: str = ""
    license: str = ""


Maker = Callable[[RowDraw], MadeRow]


def made_examples(draws: Iterable[RowDraw], make: Maker, source: str) -> Iterator[Example]:
    """One example a draw, in order; `source` names the generator."""
    for draw, made in _unlike(draws, make):
        yield Example(
            turns=(Turn("user", made.prompt), Turn("assistant", made.answer)),
            identifier=draw.identifier,
            family=f"{draw.task}/{made.family}",
            source=made.source or source,
            license=made.license or RULE_LICENSE,
            scorer=made.scorer,
            task=draw.task,
            difficulty=draw.difficulty,
            check=made.check,
        )


def made_pairs(draws: Iterable[RowDraw], make: Maker, source: str) -> Iterator[PreferencePair]:
    """One preference pair a draw; the flaw is drawn from those the row can have."""
    for draw, made in _unlike(draws, make):
        flaws = sorted({flaw for flaw, _ in made.wrong})
        flaw = draw.chance.choice(flaws)
        rejected = draw.chance.choice([text for name, text in made.wrong if name == flaw])
        yield PreferencePair(
            prompt=(Turn("user", made.prompt),),
            chosen=made.answer,
            rejected=rejected,
            identifier=f"{draw.identifier}-pair",
            family=f"{draw.task}/{made.family}",
            source=made.source or source,
            license=made.license or RULE_LICENSE,
            scorer=made.scorer,
            task=draw.task,
            difficulty=draw.difficulty,
            check=made.check,
            flaw=flaw,
        )


def _unlike(draws: Iterable[RowDraw], make: Maker) -> Iterator[tuple[RowDraw, MadeRow]]:
    seen: set[str] = set()
    for draw in draws:
        tried, made = _allowed(draw, make)
        for again in range(TRIES):
            if made.prompt not in seen:
                break
            anew = replace(draw, chance=Random(f"{draw.identifier}-again-{again}"))
            other = make(anew)
            if draw.allows(f"{draw.task}/{other.family}"):
                tried, made = anew, other
        seen.add(made.prompt)
        yield tried, made


def _allowed(draw: RowDraw, make: Maker) -> tuple[RowDraw, MadeRow]:
    """A row of a family that the request names, for domains that do not choose by name."""
    tried = draw
    for number in range(FAMILY_TRIES):
        made = make(tried)
        if draw.allows(f"{draw.task}/{made.family}"):
            return tried, made
        tried = replace(draw, chance=Random(f"{draw.identifier}-family-{number}"))
    raise DatasetError(
        "The rows cannot be made.",
        f"No {draw.difficulty} row of the task {draw.task} is of {', '.join(draw.families)}.",
        "Name other families, or ask for another difficulty.",
    )
