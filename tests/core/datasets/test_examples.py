"""Rows in every shape people bring, and the lines that cannot be used."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.datasets.document_prompt import GAP, TAIL_CHARACTERS, classification_prompt
from expert_studio.core.datasets.examples import (
    as_row,
    parse_row,
    read_examples,
    write_examples,
)
from expert_studio.core.errors import DatasetError


@pytest.mark.parametrize(
    ("row", "prompt", "answer"),
    [
        ({"instruction": "Add", "input": "1 2", "output": "3"}, "Add\n\n1 2", "3"),
        ({"instruction": "Add", "input": "", "output": "3"}, "Add", "3"),
        ({"prompt": "Add", "completion": "3"}, "Add", "3"),
        ({"question": "All movies?", "schema": "(:Movie)", "cypher": "MATCH (m:Movie) RETURN m"},
         "All movies?\n\n(:Movie)", "MATCH (m:Movie) RETURN m"),
        ({"sql_prompt": "All?", "context": "T(a)", "sql": "SELECT a FROM T"}, "All?\n\nT(a)",
         "SELECT a FROM T"),
        ({"instruction": "Parse", "input": {"a": 1}, "output": [1]}, 'Parse\n\n{"a": 1}', "[1]"),
        ({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
         "Hi", "Ho"),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]},
         "Hi", "Ho"),
    ],
)  # fmt: skip
def test_known_shapes(row: dict[str, Any], prompt: str, answer: str) -> None:
    example = parse_row(row)
    assert (example.prompt[-1].content, example.answer) == (prompt, answer)


def test_a_system_line_comes_first() -> None:
    example = parse_row({"system": "Dialect: X", "instruction": "All?", "output": "SELECT 1"})
    assert [turn.role for turn in example.turns] == ["system", "user", "assistant"]


@pytest.mark.parametrize("nested", [True, False])
def test_a_classified_document(nested: bool) -> None:
    label = {"type": "log", "language": "log", "technologies": ["nginx"]}
    row = {"path": "a.log", "content": "GET /", "label": label}
    flat = {"path": "a.log", "text": "GET /", "source_repo": "a/b", **label}
    example = parse_row(row if nested else flat)
    assert example.prompt[0].content == classification_prompt("a.log", "GET /")
    assert example.answer == '{"type": "log", "language": "log", "technologies": ["nginx"]}'
    assert example.scorer == "label"
    assert example.family == ("" if nested else "a/b")


def test_long_documents_show_head_and_tail() -> None:
    prompt = classification_prompt("x.txt", "a" * 3000 + "b" * 3000)
    assert GAP in prompt
    assert prompt.endswith("b" * TAIL_CHARACTERS + "\n\nFile: x.txt")
    assert len(prompt) < 1100


@pytest.mark.parametrize(
    "notice",
    [
        "/*\n * Copyright (c) A\n * Licensed under the X License\n */\n",
        "# Copyright 2020 A\n# All rights reserved.\n",
        "// SPDX-License-Identifier: MIT\n// A\n\n",
        "<!-- Copyright A -->\n",
    ],
)
def test_a_notice_of_copyright_takes_no_room(notice: str) -> None:
    code = "\n".join(f"line {number}" for number in range(400))
    shown = classification_prompt("a.py", notice + code)
    assert shown == classification_prompt("a.py", code)
    shebang = classification_prompt("a.sh", f"#!/bin/sh\n{notice}{code}")
    assert "#!/bin/sh\nline 0" in shebang
    assert notice.strip() in classification_prompt("a.py", f"{notice}x = 1")  # short: all is shown
    alone = classification_prompt("LICENSE", notice.strip()[:-2] + " Copyright" * 200)
    assert alone.count("Copyright") > 60  # nothing but a notice: that is what it is


def test_a_comment_that_owns_nothing_stays() -> None:
    code = "# Reads the rows.\n# One a line.\n" + "x = 1\n" * 400
    assert "# Reads the rows." in classification_prompt("a.py", code)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([], "not a JSON object"),
        ({"output": "3"}, "none of the fields instruction"),
        ({"instruction": "Add"}, "none of the fields output"),
        ({"instruction": " ", "output": "3"}, "is empty"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "preference pair"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "not an answer"),
        ({"messages": [{"role": "robot", "content": "Hi"}, {}]}, "no known role"),
        ({"messages": [{"role": "user"}, {}]}, "no text"),
        ({"messages": [1, 2]}, "not an object with role"),
        ({"label": {"language": "en"}, "content": "x"}, "no type"),
        ({"label": {"type": "log"}}, "no document text"),
        ({"instruction": "a", "output": "b", "scorer": "vibes"}, "vibes"),
    ],
)
def test_unusable_rows_say_why(row: object, reason: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_row(row)
    assert reason in caught.value.why


def test_files_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "a", "output": "b"}\n\n{"instruction": "a"}\n')
    with pytest.raises(DatasetError, match=r"Line 3 of rows\.jsonl"):
        list(read_examples(path))
    path.write_text('{"instruction": "a", "output": "b"}\n{"instruction"')
    with pytest.raises(
        DatasetError, match=r"Line 2 of rows\.jsonl cannot be used\. It is not JSON"
    ):
        list(read_examples(path))


@pytest.mark.parametrize("content", [b"\xff\xfe{}", None])
def test_unreadable_files(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "rows.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"rows\.jsonl cannot be read"):
        list(read_examples(path))


def test_compressed_files_are_read_and_damaged_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.xz"
    row = json.dumps({"instruction": "a", "output": "b"}) + "\n"
    packed = lzma.compress(row.encode() * 500)
    path.write_bytes(packed)
    assert len(list(read_examples(path))) == 500
    path.write_bytes(packed[:-20])
    with pytest.raises(DatasetError, match="cannot be read"):
        list(read_examples(path))


def test_examples_come_back_as_they_were(tmp_path: Path) -> None:
    examples = [
        parse_row({"instruction": f"{i} ü", "output": "b", "id": f"r{i}"}) for i in range(3)
    ]
    assert write_examples(tmp_path / "new" / "rows.jsonl", examples) == 3
    assert list(read_examples(tmp_path / "new" / "rows.jsonl")) == examples
    assert parse_row(as_row(examples[0])) == examples[0]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["rows.jsonl"]


def test_a_row_nested_without_end_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("[" * 100_000)
    with pytest.raises(
        DatasetError, match=r"Line 1 of rows\.jsonl cannot be used\. It is not JSON"
    ):
        list(read_examples(tmp_path / "rows.jsonl"))
