"""infer held to a form through the command line, on the real base."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app

ASKED = ("infer", "--prompt", "Is Paris in France?", "--device", "cpu", "--seed", "1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*ASKED, *arguments])


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout.removesuffix("\n")


def test_choices_and_regex() -> None:
    assert said(run("--choices", "yes, no")) in ("yes", "no")
    assert re.fullmatch(r"[A-Z][a-z]{3,7}\.", said(run("--regex", r"[A-Z][a-z]{3,7}\.")))


def test_files_of_a_schema_and_a_grammar(tmp_path: Path) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"answer": {"type": "boolean"}, "year": {"type": "integer", "maximum": 2026}},
        "required": ["answer", "year"],
        "additionalProperties": False,
    }
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(schema), encoding="utf-8-sig")
    answer = json.loads(said(run("--json-schema", str(file))))
    assert isinstance(answer["answer"], bool)

    grammar = tmp_path / "list.gbnf"
    grammar.write_text('root ::= ("- " [a-z]{3,9} "\\n"){2}\n')
    value = json.loads(said(run("--grammar", str(grammar), "--json")))
    assert re.fullmatch(r"(- [a-z]{3,9}\n){2}", value["text"])
    assert value["constraint_satisfied"] is True
    assert value["sampling"]["constraint"]["kind"] == "gbnf"


def test_a_cut_answer_is_not_passed_on(tmp_path: Path) -> None:
    cut = ("--regex", "[a-z]{60}", "--max-tokens", "3")
    plain = run(*cut)
    assert (plain.exit_code, plain.stdout) == (1, "")
    assert "does not fulfil the regular expression" in plain.stderr
    value = run(*cut, "--json")
    assert value.exit_code == 1
    told = json.loads(value.stdout)
    assert (told["constraint_satisfied"], told["finish_reason"]) == (False, "length")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--regex", "a", "--choices", "b"), "exclude one another"),
        (("--regex", "("), "unclosed group"),
        (("--choices", "a,,b"), "none may be empty"),
        (("--json-schema", "no such file.json"), "No such file"),
        (("--grammar", "{binary}"), "not UTF-8"),
        (("--grammar", "{large}"), "characters"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(
    options: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    files = {"binary": tmp_path / "binary.gbnf", "large": tmp_path / "large.gbnf"}
    files["binary"].write_bytes(b"\xff\xfe\x00")
    files["large"].write_text('root ::= "a"' + ' "a"' * 2_500_000)
    result = run(*(option.format(**files) if option[0] == "{" else option for option in options))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert why in result.stderr
