"""English by rule: correct, rephrase, simplify, answer from a passage.

With a corpus, part of the corrections start from its sentences (`sft/grammar.jsonl.xz`,
split by repository), under their own licence.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from expert_studio.core.datasets.examples import Example, user_message
from expert_studio.core.datasets.offline_english import rephrase, simplify, verbs
from expert_studio.core.datasets.offline_english.answer import ASKS as ANSWER_ASKS
from expert_studio.core.datasets.offline_english.answer import NOT_SAID, answered
from expert_studio.core.datasets.offline_english.clean_text import CleanText, clean_text
from expert_studio.core.datasets.offline_english.correct import ASKS, corrected
from expert_studio.core.datasets.offline_english.errors import damaged
from expert_studio.core.datasets.offline_english.rephrase import turned
from expert_studio.core.datasets.offline_english.scene import scenes, slip_lines
from expert_studio.core.datasets.offline_english.simplify import simplified, wordy_lines
from expert_studio.core.datasets.offline_request import (
    FamilyName,
    OfflineRequest,
    RowDraw,
    row_draws,
)
from expert_studio.core.datasets.offline_rows import MadeRow, Maker, made_examples, made_pairs
from expert_studio.core.datasets.preference import PreferencePair

__all__ = ["NOT_SAID", "TASKS", "VERSION", "families", "preference_pairs", "sft_rows"]

VERSION = 2
_MIX = {"correct": 0.4, "rephrase": 0.2, "simplify": 0.15, "answer": 0.25}
TASKS: tuple[str, ...] = tuple(_MIX)
_SOURCE = "made by rule (expert_studio.core.datasets.offline_english)"


def families() -> tuple[FamilyName, ...]:
    """All families; rows of a corpus have `correct/corpus/REPOSITORY` beside them."""
    found: list[FamilyName] = []
    for held_out in (False, True):
        scene_names = [scene.name for scene in scenes(held_out)]
        verb_names = [verb.base for verb in verbs.verbs(held_out)]
        people = [scene.name for scene in simplify.scenes_of_people(held_out)]
        worded = [scene.name for scene in rephrase.worded_scenes(held_out)]
        names = [
            *(("correct", f"slip/{line.name}") for line in slip_lines(held_out)),
            *(("correct", f"scene/{name}") for name in scene_names),
            *(("correct", f"verb/{name}") for name in verb_names),
            *(("rephrase", f"{ask}/{name}") for ask in rephrase.REQUESTS for name in verb_names),
            *(("rephrase", f"wording/{name}") for name in worded),
            *(("simplify", name) for name, _ in wordy_lines(held_out)),
            *(("simplify", f"words/{name}") for name in people),
            *(("simplify", f"split/{name}") for name in people),
            *(("answer", name) for name in scene_names),
        ]
        found += [FamilyName(f"{task}/{name}", task, held_out) for task, name in names]
    return tuple(found)


def sft_rows(request: OfflineRequest) -> Iterator[Example]:
    """Yields the rows of a request.

    Raises:
        DatasetError: the request is impossible, or the corpus text cannot be read.
    """
    draws = row_draws(request, "english", VERSION, _MIX, families)
    return made_examples(draws, _maker(request), _SOURCE)


def preference_pairs(request: OfflineRequest) -> Iterator[PreferencePair]:
    """Yields pairs whose rejected answer has one flaw; raises as `sft_rows` does."""
    draws = row_draws(request, "english", VERSION, _MIX, families)
    return made_pairs(draws, _maker(request), _SOURCE)


def _maker(request: OfflineRequest) -> Maker:
    clean = clean_text(request.corpus, request.held_out) if request.corpus else ()

    def make(row: RowDraw) -> MadeRow:
        if row.task == "correct":
            return _correction(row, clean)
        return {"rephrase": _rephrasing, "simplify": _simplification, "answer": _answer}[row.task](
            row
        )

    return make


def _correction(row: RowDraw, clean: tuple[CleanText, ...]) -> MadeRow:
    chance = row.chance
    made = corrected(row, clean)
    origin = made.origin
    again, _ = damaged(Random(chance.random()), made.right, 1)
    wrong = [
        ("left as it was", made.wrong),
        ("new error", again),
        ("talks about it", f"Here is the corrected text: {made.right}"),
        ("lost detail", made.right.rsplit(" ", 2)[0] + "."),
    ]
    return MadeRow(
        prompt=user_message(chance.choice(ASKS), made.wrong),
        answer=made.right,
        family=made.family,
        scorer="exact",
        wrong=[flaw for flaw in wrong if flaw[1] != made.right],
        source=origin.source if origin else "",
        license=origin.license if origin else "",
    )


def _rephrasing(row: RowDraw) -> MadeRow:
    made = turned(row)
    wrong = [("left as it was", made.text), ("talks about it", f"Sure! {made.answer}")]
    slipped, kinds = damaged(row.chance, made.answer, 1)
    if kinds:
        wrong.append(("new error", slipped))
    return MadeRow(
        prompt=user_message(made.ask, made.text),
        answer=made.answer,
        family=made.family,
        scorer="exact",
        wrong=wrong,
    )


def _simplification(row: RowDraw) -> MadeRow:
    made = simplified(row)
    return MadeRow(
        prompt=user_message(made.ask, made.hard),
        answer=made.simple,
        family=made.family,
        scorer="exact",
        wrong=made.wrong,
    )


def _answer(row: RowDraw) -> MadeRow:
    made = answered(row)
    return MadeRow(
        prompt=user_message(row.chance.choice(ANSWER_ASKS), f"{made.passage}\n\n{made.question}"),
        answer=made.answer,
        family=made.family,
        scorer="exact",
        wrong=made.wrong,
    )
