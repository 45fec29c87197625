"""How a teacher is asked for rows: wording, shape, topics; from the seed and the slot alone.

Knows nothing of providers or replies. A change of wording is a change of `VERSION`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from expert_studio.core.datasets.offline_request import DIFFICULTIES, Difficulty
from expert_studio.core.datasets.teacher_tasks import Format, TeacherTask, tasks_of
from expert_studio.core.datasets.teacher_topics import draw_topics
from expert_studio.core.errors import DatasetError

VERSION = 1
DIFFICULTY_MIX: Mapping[str, float] = {"easy": 0.3, "medium": 0.5, "hard": 0.2}
_HARDNESS: Mapping[Difficulty, str] = {
    "easy": "easy: one step, short, common words and cases",
    "medium": "of medium difficulty: two or three steps, some detail to mind",
    "hard": "hard: several conditions at once, edge cases, longer input, one clear answer",
}
_SYSTEM = (
    "You write training examples for a small language model. Each example must be right, "
    "complete by itself, and unlike the others. You answer with JSON lines and nothing else: "
    "one JSON object a line, line ends inside texts written as \\n, no Markdown fences, no "
    "numbering, no comments."
)
_SHAPES: Mapping[str, str] = {
    "instruction": '{"instruction": "…", "input": "…", "output": "…"} where input is "" if the '
    "instruction says it all",
    "preference_pairs": '{"instruction": "…", "input": "…", "chosen": "…", "rejected": "…", '
    '"flaw": "…"} where chosen is right, rejected is plausible but wrong, and flaw names in two '
    "or three words what is wrong with it",
    "distillation": '{"input": "…", "reasoning": "…", "answer": "…"} where input is instruction '
    "and input in one, reasoning is how one comes to the answer step by step, and answer is the "
    "answer alone",
    "classification": '{"path": "…", "content": "…", "label": {"type": "…", "language": "…", '
    '"technologies": ["…"]}} where content is the document\'s text, 5 to 40 lines',
}
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "instruction": ("instruction", "input", "output"),
    "preference_pairs": ("instruction", "input", "chosen", "rejected", "flaw"),
    "distillation": ("input", "reasoning", "answer"),
    "classification": ("path", "content", "label"),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What rows are wanted.

    Attributes:
        tasks: share by task; empty for the domain's own mix.
        difficulty: share of easy, medium and hard; empty for 0.3, 0.5, 0.2.
        more: what the person wants to be minded besides, in their words.
    """

    domain: str
    format: Format = "instruction"
    tasks: Mapping[str, float] = field(default_factory=dict)
    difficulty: Mapping[str, float] = field(default_factory=dict)
    more: str = ""

    def checked(self) -> Wish:
        """Itself.

        Raises:
            DatasetError: unknown domain, format, task or difficulty, or impossible shares.
        """
        tasks = tasks_of(self.domain, self.format)
        _shares(self.tasks, {name: task.share for name, task in tasks.items()}, "task")
        _shares(self.difficulty, DIFFICULTY_MIX, "difficulty")
        return self


@dataclass(frozen=True, slots=True)
class Request:
    """One request for the rows of the slots `first` to `first + rows - 1`.

    Attributes:
        topics: one a row.
        hash: SHA-256 of system and prompt, hex.
    """

    first: int
    rows: int
    task_name: str
    task: TeacherTask
    difficulty: Difficulty
    topics: tuple[str, ...]
    system: str
    prompt: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(f"{self.system}\0{self.prompt}".encode()).hexdigest()

    def identity(self, provider: str, model: str, seed: int) -> str:
        """What makes this request the same as an earlier one, as a hash."""
        said = json.dumps([provider, model, self.hash, self.first, self.rows, seed])
        return hashlib.sha256(said.encode()).hexdigest()[:24]


def request_of(wish: Wish, seed: int, first: int, rows: int) -> Request:
    """The request for these slots; the same for the same arguments."""
    tasks = tasks_of(wish.domain, wish.format)
    chance = Random(f"teacher-{VERSION}-{wish.domain}-{wish.format}-{seed}-{first}")
    own = {name: task.share for name, task in tasks.items()}
    names, shares = _shares(wish.tasks, own, "task")
    task_name = chance.choices(names, shares)[0]
    hardness, weights = _shares(wish.difficulty, DIFFICULTY_MIX, "difficulty")
    drawn = chance.choices(hardness, weights)[0]
    difficulty = next(one for one in DIFFICULTIES if one == drawn)
    topics = draw_topics(chance, rows)
    task = tasks[task_name]
    prompt = _prompt(wish, task, difficulty, topics, chance)
    return Request(first, rows, task_name, task, difficulty, topics, _SYSTEM, prompt)


def row_schema(wish: Wish) -> str:
    """The JSON schema of one row, as text, for models that can be held to one."""
    names = _FIELDS["classification" if wish.domain == "classification" else wish.format]
    fields: dict[str, Any] = {name: {"type": "string"} for name in names}
    if wish.domain == "classification":
        listed = {"type": "array", "items": {"type": "string"}, "maxItems": 8}
        parts = {"type": {"type": "string"}, "language": {"type": "string"}, "technologies": listed}
        fields["label"] = _object(parts)
    return json.dumps(_object(fields))


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _prompt(
    wish: Wish, task: TeacherTask, difficulty: Difficulty, topics: tuple[str, ...], chance: Random
) -> str:
    shape = "classification" if wish.domain == "classification" else wish.format
    lines = [f"Write {len(topics)} training examples as {len(topics)} JSON lines."]
    if shape == "classification":
        lines.append(f"Each is a document of an everyday or technical kind, and {task.answer}.")
    else:
        lines += [f"Each asks {task.ask}.", f"The answer is {task.answer}."]
    lines += [f"They are {_HARDNESS[difficulty]}.", f"The shape of a line: {_SHAPES[shape]}."]
    if shape == "preference_pairs":
        wrong = chance.sample(task.wrong, min(3, len(task.wrong)))
        lines.append(f"Vary what is wrong, for instance: {', '.join(wrong)}.")
    if shape != "classification":
        lines += ["An example, not to be repeated:", _shown(wish.format, task, chance)]
    if wish.more.strip():
        lines.append(f"Mind also: {wish.more.strip()}")
    lines.append("What the lines are about, in this order:")
    lines += [f"{number}. {topic}" for number, topic in enumerate(topics, start=1)]
    return "\n".join(lines)


def _shown(kind: Format, task: TeacherTask, chance: Random) -> str:
    instruction, given, answer = task.shown
    if kind == "distillation":
        asked = f"{instruction}\n\n{given}" if given else instruction
        row = {"input": asked, "reasoning": "…", "answer": answer}
    elif kind == "preference_pairs":
        row = {"instruction": instruction, "input": given, "chosen": answer, "rejected": "…"}
        row["flaw"] = chance.choice(task.wrong)
    else:
        row = {"instruction": instruction, "input": given, "output": answer}
    return json.dumps(row, ensure_ascii=False)


def _shares(
    asked: Mapping[str, float], own: Mapping[str, float], what: str
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    unknown = [name for name in asked if name not in own]
    if unknown:
        raise DatasetError(f"There is no {what} {unknown[0]!r}.", f"Known are {', '.join(own)}.")
    shares = {name: float(asked.get(name, 0.0)) for name in own} if asked else dict(own)
    if min(shares.values()) < 0 or not 0 < sum(shares.values()) < float("inf"):
        raise DatasetError(
            f"The shares by {what} cannot be used.",
            "A share is below 0 or not a number, or all are 0.",
            f"Give each {what} a share of 0 or more.",
        )
    return tuple(shares), tuple(shares.values())
