"""Rows to score an expert on, from any file of the published shapes.

JSON lines of answers or of preference pairs, and test cases: our own, or the field's with
keywords in place of an answer. Knows nothing of engines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from expert_studio.core.datasets.examples import (
    SCORERS,
    Example,
    Scorer,
    Turn,
    numbered_lines,
    parse_row,
    parse_turns,
)
from expert_studio.core.datasets.offline_cypher_corpus import FILE as TEXT2CYPHER
from expert_studio.core.datasets.offline_cypher_corpus import text2cypher_rows
from expert_studio.core.datasets.preference import (
    chosen_example,
    is_preference,
    parse_preference,
)
from expert_studio.core.errors import DatasetError
from expert_studio.core.training.scores import parsed

MOST_BYTES = 64 << 20
MOST_QUESTIONS = 1_000


def read_rows(path: Path) -> tuple[Example, ...]:
    """The rows of a `.jsonl`, `.jsonl.xz` or test-case `.json` file, in its order.

    A row that names no scorer is scored as JSON where its answer is an object or a list,
    otherwise as text. Of a preference pair the chosen answer is the right one. The corpus's
    file of real questions for Cypher queries is asked as the rows made by rule are.

    Raises:
        DatasetError: the file cannot be read or holds no row; a line that is none is named.
    """
    if path.name == TEXT2CYPHER:
        rows = tuple(text2cypher_rows(path, MOST_QUESTIONS, seed=0))
    elif path.suffix == ".json":
        rows = read_test_cases(path)
    else:
        rows = tuple(_lines(path))
    if not rows:
        raise DatasetError(f"{path.name} holds no row.", "", "Give a file with rows to score.")
    return rows


def read_test_cases(path: Path) -> tuple[Example, ...]:
    """The cases of an expert's `tests/test_cases.json`.

    A case has `messages` or `prompt`, and `expected` or, as the field has it,
    `expected_keywords`: then it is scored by their share, the last resort.

    Raises:
        DatasetError: the file cannot be read, or a case has not what it takes.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"It has more than {MOST_BYTES >> 20} MB")
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as cause:
        raise DatasetError(
            f"The test cases in {path.name} cannot be read.",
            f"{getattr(cause, 'strerror', None) or cause}.",
            "Give a UTF-8 file of test cases.",
        ) from cause
    cases = said.get("cases", said.get("test_cases", said)) if isinstance(said, dict) else said
    if not isinstance(cases, list):
        raise DatasetError(
            f"{path.name} holds no test cases.", "It has no list of cases.", "Give another file."
        )
    return tuple(_case(case, number, path) for number, case in enumerate(cases, start=1))


def _lines(path: Path) -> Iterator[Example]:
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            example = (
                chosen_example(parse_preference(row))
                if is_preference(row)
                else _with_scorer(parse_row(row), row)
            )
        except (ValueError, RecursionError, DatasetError) as cause:
            why = cause.why if isinstance(cause, DatasetError) else f"It is not JSON: {cause}."
            raise DatasetError(
                f"Line {number} of {path.name} cannot be used.", why, "Correct or remove it."
            ) from cause
        yield example if example.identifier else replace(example, identifier=f"row-{number}")


def _with_scorer(example: Example, row: Mapping[str, Any]) -> Example:
    if "scorer" in row or example.scorer != "exact":
        return example
    return replace(example, scorer=_fitting(example.answer))


def _fitting(answer: str) -> Scorer:
    return "json" if isinstance(parsed(answer), dict | list) else "text"


def _case(case: Any, number: int, path: Path) -> Example:
    try:
        if not isinstance(case, dict):
            raise DatasetError("A case cannot be used.", "It is not a JSON object.")
        asked = case.get("messages", case.get("prompt", case.get("input")))
        if isinstance(asked, str):
            asked = [{"role": "user", "content": asked}]
        if not isinstance(asked, list) or not asked:
            raise DatasetError("A case cannot be used.", "It has neither messages nor a prompt.")
        turns = parse_turns(asked)
        answer, keywords = case.get("expected"), case.get("expected_keywords")
        check = str(case.get("check", ""))
        if isinstance(answer, dict | list):
            answer = json.dumps(answer, ensure_ascii=False)
        if not isinstance(answer, str):
            if not isinstance(keywords, list) or not all(isinstance(k, str) for k in keywords):
                raise DatasetError("A case cannot be used.", "It says nothing that is expected.")
            answer, check = "", json.dumps({"keywords": keywords}, ensure_ascii=False)
    except DatasetError as cause:
        raise DatasetError(
            f"Case {number} of {path.name} cannot be used.", cause.why, "Correct or remove it."
        ) from cause
    scorer = case.get("scorer")
    return Example(
        turns=(*turns, Turn("assistant", answer)),
        identifier=str(case.get("id", f"case-{number}")),
        scorer=scorer if scorer in SCORERS else _fitting(answer),
        task=str(case.get("task", "")),
        difficulty=str(case.get("difficulty", "")),
        check=check,
    )
