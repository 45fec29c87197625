"""One training example, and JSON-lines files of them in the row shapes the field uses.

Knows the shapes (instruction, multi-task, chat, ChatML and reasoning rows, classified
documents) and upstream's field names for them. Knows nothing of tokens or training.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from expert_studio.core.datasets.document_prompt import classification_prompt, label_text
from expert_studio.core.errors import DatasetError, StorageError

Role = Literal["system", "user", "assistant"]
Scorer = Literal["json", "label", "exact", "cypher", "python", "rust", "text"]
SCORERS: tuple[Scorer, ...] = ("json", "label", "exact", "cypher", "python", "rust", "text")

# Names other tools give the same three fields, in the order they are tried.
INSTRUCTION_FIELDS = ("instruction", "prompt", "question", "sql_prompt", "text")
INPUT_FIELDS = ("input", "context", "schema")
TASK_INPUT_FIELDS = ("schema", "broken_json", "text", "json", "input", "context")
REASONING_FIELDS = ("reasoning", "thinking", "rationale")
OUTPUT_FIELDS = ("output", "response", "answer", "completion", "text", "cypher", "sql")
CHAT_FIELDS = ("messages", "conversations", "conversation")
_CHATML_TURN = re.compile(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>\s*|\Z)", re.DOTALL)
ROLES: Mapping[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
}


_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of an example."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation whose last turn is the answer to learn.

    Attributes:
        family: template family or repository: what a split must not cut through.
        task: what is asked, where a dataset holds several ("repair", "bug").
        difficulty: "easy", "medium" or "hard"; empty where nobody said.
        check: what the scorer needs beside the answer, as JSON text (a unit test, a signature).
        reasoning: what was thought before the answer; kept apart from it, as answers are
            scored without it.
    """

    turns: tuple[Turn, ...]
    identifier: str = ""
    family: str = ""
    source: str = ""
    license: str = ""
    scorer: Scorer = "exact"
    task: str = ""
    difficulty: str = ""
    check: str = ""
    reasoning: str = ""

    @property
    def prompt(self) -> tuple[Turn, ...]:
        """Everything said before the answer."""
        return self.turns[:-1]

    @property
    def answer(self) -> str:
        return self.turns[-1].content


class _Unusable(Exception):
    """Why one row cannot be an example, as a clause."""


def user_message(instruction: str, text: str) -> str:
    """How an instruction and what it works on become one message."""
    return f"{instruction}\n\n{text}" if text else instruction


def parse_row(row: object) -> Example:
    """Turns one row, of any known shape, into an example.

    Raises:
        DatasetError: the row has none of the known shapes; `why` names what is missing.
    """
    return _in_sentences(lambda: _parse(row))


def parse_turns(messages: list[Any]) -> tuple[Turn, ...]:
    """Turns chat messages, under any of the field's names for them, into turns.

    Raises:
        DatasetError: one has no known role or no text.
    """
    return _in_sentences(lambda: tuple(_turn(message) for message in messages))


def parse_asked(row: Mapping[str, Any]) -> tuple[Turn, ...]:
    """What an instruction or multi-task row says before the answer.

    Raises:
        DatasetError: it has no instruction.
    """
    return _in_sentences(lambda: _asked(row, ""))


def parse_scorer(row: Mapping[str, Any], default: Scorer) -> Scorer:
    """The scorer a row names.

    Raises:
        DatasetError: there is none of that name.
    """
    return _in_sentences(lambda: _scorer(row, default))


def read_examples(path: Path) -> Iterator[Example]:
    """Yields the examples of a `.jsonl` or `.jsonl.xz` file, in its order; blank lines are skipped.

    Raises:
        DatasetError: the file is missing or not UTF-8, or a line is not an example;
            the error names the line, counted from 1, and the reason.
    """
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        try:
            example = _parse(json.loads(line))
        except (ValueError, RecursionError, _Unusable) as cause:
            reason = str(cause) if isinstance(cause, _Unusable) else f"It is not JSON: {cause}"
            raise DatasetError(
                f"Line {number} of {path.name} cannot be used.",
                f"{reason}.",
                "Correct or remove that line.",
            ) from cause
        yield (
            example if example.identifier else replace(example, identifier=f"{path.stem}-{number}")
        )


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Writes examples as chat rows, by one rename; returns how many.

    Raises:
        StorageError: the folder cannot be written.
    """
    return write_json_lines(path, (as_row(example) for example in examples))


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes one JSON object a line, by one rename; returns how many.

    Raises:
        StorageError: the folder cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", newline="\n") as lines:
            for row in rows:
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        partial.replace(path)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"The examples could not be written to {path}.",
            f"{cause.strerror or cause}.",
            "Free some space or allow writing there.",
        ) from cause
    return count


def as_row(example: Example) -> dict[str, Any]:
    """The chat row `parse_row` reads back into the same example."""
    row: dict[str, Any] = {
        "messages": [{"role": turn.role, "content": turn.content} for turn in example.turns],
        "id": example.identifier,
        "family": example.family,
        "source": example.source,
        "license": example.license,
        "scorer": example.scorer,
    }
    more = {
        "task": example.task,
        "difficulty": example.difficulty,
        "check": example.check,
        "reasoning": example.reasoning,
    }
    return row | {name: value for name, value in more.items() if value}


def _in_sentences(parse: Callable[[], _Parsed]) -> _Parsed:
    try:
        return parse()
    except _Unusable as cause:
        raise DatasetError(
            "A row cannot be used for training.", f"{cause}.", "Map its fields or leave it out."
        ) from cause


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a `.jsonl` or `.jsonl.xz` file, counted from 1.

    Raises:
        DatasetError: the file is missing or not UTF-8.
    """
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield number, line.decode("utf-8")
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as cause:
        raise DatasetError(
            f"The dataset {path.name} cannot be read.",
            f"{getattr(cause, 'strerror', None) or cause}.",
            "Give a UTF-8 file with one JSON object a line.",
        ) from cause


def _parse(row: object) -> Example:
    if not isinstance(row, dict):
        raise _Unusable("It is not a JSON object")
    for field in CHAT_FIELDS:
        if isinstance(row.get(field), list):
            return _chat(row, row[field])
    if "chosen" in row and "rejected" in row:
        raise _Unusable("It is a preference pair, and this method learns from single answers")
    if _is_classified(row):
        return _classified(row)
    return _instruction(row)


def _chat(row: Mapping[str, Any], messages: list[Any]) -> Example:
    turns = tuple(_turn(message) for message in messages)
    if len(turns) < 2 or turns[-1].role != "assistant":
        raise _Unusable("Its last message is not an answer by the assistant")
    return _with_origin(row, turns, default_scorer="exact")


def _turn(message: object) -> Turn:
    if not isinstance(message, dict):
        raise _Unusable("One of its messages is not an object with role and content")
    role = ROLES.get(str(message.get("role", message.get("from", ""))).lower())
    content = message.get("content", message.get("value"))
    if role is None:
        raise _Unusable("One of its messages has no known role")
    if not isinstance(content, str):
        raise _Unusable("One of its messages has no text")
    return Turn(role, content)


def _is_classified(row: Mapping[str, Any]) -> bool:
    return "label" in row or {"type", "language", "text"} <= row.keys()


def _classified(row: Mapping[str, Any]) -> Example:
    label = row.get("label", row)
    text = row.get("content", row.get("text"))
    if not isinstance(label, dict) or not isinstance(label.get("type"), str):
        raise _Unusable("Its label has no type")
    if not isinstance(text, str):
        raise _Unusable("It has no document text")
    answer = label_text(
        label["type"], str(label.get("language", "")), label.get("technologies", ())
    )
    turns = (
        Turn("user", classification_prompt(str(row.get("path", "")), text)),
        Turn("assistant", answer),
    )
    return _with_origin(row, turns, default_scorer="label")


def _instruction(row: Mapping[str, Any]) -> Example:
    chatml = _chatml(row)
    if chatml is not None:
        return _chat(row, chatml)
    named = next((name for name in OUTPUT_FIELDS if _first(row, (name,)) is not None), "")
    asked = _asked(row, named)
    if not named:
        raise _Unusable(f"It has none of the fields {', '.join(OUTPUT_FIELDS)}")
    answer = _first(row, (named,)) or ""
    if not answer.strip():
        raise _Unusable("Its instruction or its answer is empty")
    return _with_origin(row, (*asked, Turn("assistant", answer)), default_scorer="exact")


def _asked(row: Mapping[str, Any], answer_field: str) -> tuple[Turn, ...]:
    """The turns before the answer, which stands in `answer_field`."""
    given = row.get("input")
    if isinstance(given, dict) and isinstance(given.get("instruction"), str):  # multi-task
        instruction: str | None = given["instruction"]
        text = _first(given, TASK_INPUT_FIELDS) or ""
    else:
        free = tuple(name for name in INSTRUCTION_FIELDS if name != answer_field)
        instruction = _first(row, free)
        text = _first(row, INPUT_FIELDS) or ""
        if instruction is None:  # distillation rows: input, reasoning, answer
            instruction, text = _first(row, ("input",)), ""
    if instruction is None:
        raise _Unusable(f"It has none of the fields {', '.join(INSTRUCTION_FIELDS)}")
    if not instruction.strip():
        raise _Unusable("Its instruction or its answer is empty")
    system = _first(row, ("system",))
    opening = (Turn("system", system),) if system else ()
    return (*opening, Turn("user", user_message(instruction, text)))


def _chatml(row: Mapping[str, Any]) -> list[Any] | None:
    """The messages of a row that is one text in ChatML, as upstream's own data sets are."""
    text = row.get("text")
    if not isinstance(text, str) or not text.lstrip().startswith("<|im_start|>"):
        return None
    found = _CHATML_TURN.findall(text)
    return [{"role": role, "content": said.rstrip("\n")} for role, said in found]


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False)
    return None


def _with_origin(
    row: Mapping[str, Any], turns: tuple[Turn, ...], default_scorer: Scorer
) -> Example:
    return Example(
        turns=turns,
        identifier=str(row.get("id", "")),
        family=str(row.get("family", row.get("source_repo", ""))),
        source=str(row.get("source", row.get("source_repo", ""))),
        license=str(row.get("license", "")),
        scorer=_scorer(row, default_scorer),
        task=_text(row, "task"),
        difficulty=_text(row, "difficulty"),
        check=_text(row, "check"),
        reasoning=_first(row, REASONING_FIELDS) or "",
    )


def _scorer(row: Mapping[str, Any], default: Scorer) -> Scorer:
    scorer = row.get("scorer", default)
    if scorer not in SCORERS:
        raise _Unusable(f"Its scorer {scorer!r} is none of {', '.join(SCORERS)}")
    return cast(Scorer, scorer)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
