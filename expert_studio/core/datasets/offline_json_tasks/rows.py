"""JSON by rule: extract from a text, repair what is broken, convert to a given form."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from expert_studio.core.datasets.examples import Example, user_message
from expert_studio.core.datasets.offline_english.scene import scenes
from expert_studio.core.datasets.offline_json_tasks.any_keys import ANY_KEYS
from expert_studio.core.datasets.offline_json_tasks.convert import (
    FLAT_FORMATS,
    FORMATS,
    converted,
)
from expert_studio.core.datasets.offline_json_tasks.extract import extracted, list_names
from expert_studio.core.datasets.offline_json_tasks.repair import (
    ASKS,
    BREAKS,
    compact,
    repaired,
)
from expert_studio.core.datasets.offline_json_tasks.shapes import Member, shapes
from expert_studio.core.datasets.offline_request import (
    FamilyName,
    OfflineRequest,
    RowDraw,
    row_draws,
)
from expert_studio.core.datasets.offline_rows import MadeRow, made_examples, made_pairs
from expert_studio.core.datasets.preference import PreferencePair

__all__ = ["TASKS", "VERSION", "families", "preference_pairs", "sft_rows"]

VERSION = 2
_MIX = {"extract": 0.45, "repair": 0.3, "convert": 0.25}
TASKS: tuple[str, ...] = tuple(_MIX)
_SOURCE = "made by rule (expert_studio.core.datasets.offline_json_tasks)"


def families() -> tuple[FamilyName, ...]:
    """All families; `extract/medley` puts its schema together anew for every row.

    Those of any keys are drawn only where a request names them.
    """
    found: list[FamilyName] = []
    for held_out in (False, True):
        shape_names = [shape.name for shape in shapes(held_out)]
        medley = "held-out-medley" if held_out else "medley"
        names = [
            ("extract", medley),
            *(("extract", f"scene/{scene.name}") for scene in scenes(held_out)),
            *(("extract", f"list/{name}") for name in list_names(held_out)),
            *(("repair", f"{b.replace(' ', '-')}/{name}") for b in BREAKS for name in shape_names),
            *(("convert", f"{form}/{name}") for form in FORMATS for name in shape_names),
        ]
        found += [FamilyName(f"{task}/{name}", task, held_out) for task, name in names]
    free = [("extract", ANY_KEYS)]
    free += [("repair", f"{ANY_KEYS}/{b.replace(' ', '-')}") for b in BREAKS]
    free += [("convert", f"{ANY_KEYS}/{form}") for form in FLAT_FORMATS]
    return (*found, *(FamilyName(f"{task}/{name}", task, False) for task, name in free))


def sft_rows(request: OfflineRequest) -> Iterator[Example]:
    """Yields the rows of a request.

    Raises:
        DatasetError: the request is impossible.
    """
    return made_examples(row_draws(request, "json", VERSION, _MIX, families), _made, _SOURCE)


def preference_pairs(request: OfflineRequest) -> Iterator[PreferencePair]:
    """Yields pairs whose rejected answer has one flaw; raises as `sft_rows` does."""
    return made_pairs(row_draws(request, "json", VERSION, _MIX, families), _made, _SOURCE)


def _made(row: RowDraw) -> MadeRow:
    if row.task == "repair":
        fixed = repaired(row)
        prompt = user_message(row.chance.choice(ASKS), fixed.broken)
        wrong = [("left as it was", fixed.broken), *_flawed(fixed.right, row.chance)]
        return MadeRow(prompt, fixed.right, fixed.family, "json", wrong)
    made = extracted(row) if row.task == "extract" else converted(row)
    answer = compact(made.answer)
    return MadeRow(
        made.prompt, answer, made.family, "json", _flawed(answer, row.chance, made.answer)
    )


def _flawed(answer: str, chance: Random, value: Member = None) -> list[tuple[str, str]]:
    """What goes wrong when models write JSON, each as (flaw, answer)."""
    wrong = [
        ("text around it", f"Here is the JSON: {answer}"),
        ("code fence", f"```json\n{answer}\n```"),
        ("cut off", answer[: len(answer) * chance.randint(60, 95) // 100]),
        ("not valid JSON", f"{answer[:-1]},{answer[-1]}"),
        ("single quotes", answer.replace('"', "'")),
    ]
    if isinstance(value, dict) and value:
        wrong += _wrong_values(value, chance)
    return [(flaw, text) for flaw, text in wrong if text != answer]


def _wrong_values(value: dict[str, Member], chance: Random) -> list[tuple[str, str]]:
    name = chance.choice(list(value))
    member = value[name]
    wrong = [
        ("missing field", compact({key: one for key, one in value.items() if key != name})),
        ("wrong key", compact({key + "s" if key == name else key: x for key, x in value.items()})),
        ("invented field", compact({**value, "note": "n/a"})),
    ]
    if isinstance(member, bool):
        wrong.append(("wrong value", compact({**value, name: not member})))
    elif isinstance(member, int | float):
        wrong += [
            ("wrong type", compact({**value, name: str(member)})),
            ("wrong value", compact({**value, name: member + chance.choice((1, 10, -1))})),
        ]
    elif member is None:
        wrong.append(("null as text", compact({**value, name: "null"})))
    elif isinstance(member, str) and len(member) > 3:
        wrong.append(("wrong value", compact({**value, name: member[: len(member) // 2]})))
    return wrong
