"""infer, chat and first-run through the command line, on the real base with real experts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner, Result

from expert_studio.cli import app, main
from expert_studio.commands import library as library_verbs
from expert_studio.core.experts.library import Library
from expert_studio.core.inference import first_run as task_book
from expert_studio.core.inference.conversation import Sampling
from expert_studio.core.settings import Folders
from tests.demonstration_experts import tiny_experts
from tests.expert_factory import base_sha256, installed_expert

SHORT = ["--max-tokens", "6", "--temperature", "0", "--device", "cpu"]
# To which the base alone, always taking the likeliest token, goes on until it is stopped.
ENDLESS = (
    "Extract event, city and date as JSON: The Long Table Dinner takes place in Lyon on "
    "2 June 2026. Tickets are at the door."
)
PROMPT = "Write the name and the city as JSON: Ada lives in London."


@pytest.fixture
def library(studio_home: Path) -> Library:
    return Library(Folders.default().library)


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, list(arguments), **options)


def asked(*arguments: str) -> dict[str, Any]:
    result = run("infer", "--prompt", PROMPT, *SHORT, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_an_answer_in_json_says_what_made_it() -> None:
    answer = asked()
    assert answer["text"]
    assert 0 < answer["tokens"] <= 6
    assert answer["ttft_ms"] > 0
    assert answer["decode_tok_s"] > 0
    assert answer["stack"]["members"] == []
    assert answer["stack"]["quantization"] == "bf16"
    assert answer["stack"]["base"]["sha256"] == base_sha256()


def test_experts_change_the_answer_and_bring_what_they_need(library: Library) -> None:
    parser = installed_expert(library, "json-parser", strength=0.3)
    installed_expert(
        library,
        "expert-classifier",
        load_order=9,
        requires=["json-parser"],
        trained_with=[(parser, 0.75)],
        seed=3,
        strength=0.3,
    )
    composed = asked("--experts", "classifier=0.5")
    members = {member["name"]: member for member in composed["stack"]["members"]}
    assert members["expert-classifier"]["weight"] == 0.5
    assert members["json-parser"]["weight"] == 0.75
    assert members["json-parser"]["required_by"] == ["expert-classifier"]
    assert members["json-parser"]["as_trained"]
    assert composed["text"] != asked()["text"]
    assert composed["stack"]["hash"] != asked("--experts", "classifier")["stack"]["hash"]


def test_what_nobody_asked_for_is_as_the_experts_advise() -> None:
    """The experts that ship say "temperature 0"; the caller goes before them."""
    said = ["infer", "--prompt", PROMPT, "--max-tokens", "4", "--json"]
    advised = ["--experts", "json-parser"]
    results = [run(*said), run(*said, *advised), run(*said, *advised, "--temperature", "0.5")]
    found = [json.loads(result.stdout)["sampling"]["temperature"] for result in results]
    assert found == [Sampling().temperature, 0.0, 0.5]


def test_the_same_seed_gives_the_same_answer() -> None:
    sampled = ["--temperature", "1.5", "--seed", "11", "--max-tokens", "12"]
    assert asked(*sampled)["text"] == asked(*sampled)["text"]


def test_logits_are_written_for_anyone_to_check(library: Library, tmp_path: Path) -> None:
    installed_expert(library, "json-parser")
    alone, composed = tmp_path / "alone.safetensors", tmp_path / "composed.safetensors"
    asked("--logits", str(alone), "--quant", "fp32")
    asked("--logits", str(composed), "--quant", "fp32", "--experts", "json-parser=1.0")
    base_logits, expert_logits = load_file(alone), load_file(composed)
    assert base_logits["logits"].shape == (len(base_logits["tokens"]), 8192)
    assert (base_logits["tokens"] == expert_logits["tokens"]).all()
    assert abs(base_logits["logits"] - expert_logits["logits"]).max() > 1e-3
    assert sorted(tmp_path.iterdir()) == [alone, composed]


def test_without_json_the_answer_alone_is_on_standard_output() -> None:
    result = run("infer", "--prompt", "-", *SHORT, input=PROMPT)
    assert result.exit_code == 0
    assert result.stdout.strip() == asked()["text"].strip()


@pytest.mark.parametrize("experts", ["=1", "a=one", "a=1,a=2", "a,,b", "a=nan"])
def test_experts_that_cannot_be_read_are_a_usage_error(experts: str) -> None:
    result = run("infer", "--prompt", "x", "--experts", experts)
    assert result.exit_code == 2
    assert "in --experts cannot be read" in result.stderr
    assert result.stdout == ""


def test_a_weight_out_of_range_and_an_unknown_expert_are_sentences(library: Library) -> None:
    installed_expert(library, "json-parser")
    result = run("infer", "--prompt", "x", "--experts", "json-parser=3", "--json", *SHORT)
    assert result.exit_code == 2
    assert "what" in json.loads(result.stdout)["error"]
    result = run("infer", "--prompt", "x", "--experts", "json-praser", *SHORT)
    assert result.exit_code == 1
    assert "Did you mean json-parser?" in result.stderr


def test_a_base_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    result = run("infer", "--prompt", "x", "--base", "Nobody/Nothing", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["remedy"] == "See: expert-cli base list"
    result = run("infer", "--prompt", "x", "--base", str(tmp_path))
    assert result.exit_code == 1
    assert "cannot be used" in result.stderr


def test_a_conversation_obeys_its_commands(library: Library) -> None:
    installed_expert(library, "json-parser", strength=0.3)
    lines = [
        "/experts",
        PROMPT,
        "/weight json-parser 0.5",
        PROMPT,
        "/weight json-parser 9",
        "/weight nobody 1",
        "/remove json-parser",
        "/system Be brief.",
        "/new",
        "",
        "/nonsense",
        "/help",
        PROMPT,
    ]
    result = run("chat", *SHORT, input="\n".join(lines) + "\n")
    assert result.exit_code == 0, result.output
    assert "json-parser x 0.5" in result.stdout
    assert "The base answers alone." in result.stdout
    assert "No expert named nobody is installed." in result.stderr
    assert "There is no command /nonsense." in result.stderr
    assert result.stderr.count("first after") == 3
    assert result.stderr.count("(stack ") == 3


def test_exit_ends_a_conversation() -> None:
    result = run("chat", *SHORT, input=f"/exit\n{PROMPT}\n")
    assert result.exit_code == 0
    assert "first after" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to a child")
def test_an_interrupt_stops_the_answer_and_not_the_conversation() -> None:
    command = [sys.executable, "-m", "expert_studio.cli", "chat"]
    child = subprocess.Popen(
        [*command, "--max-tokens", "2000", "--temperature", "0", "--device", "cpu"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        child.stdin.write(f"{ENDLESS}\n")
        child.stdin.flush()
        read_until(child.stdout.read, lambda text: len(text) > 8)
        child.send_signal(signal.SIGINT)
        said = read_until(
            child.stderr.read, lambda text: "first after" in text and text[-1] == "\n"
        )
        assert "Stopped; what was said so far is kept." in said
        child.stdin.write("/help\n/exit\n")
        child.stdin.close()
        assert "/weight NAME W" in child.stdout.read()
        assert child.wait(60) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def read_until(read: Callable[[int], str], is_enough: Callable[[str], bool]) -> str:
    text = ""
    while not text or not is_enough(text):
        piece = read(1)
        assert piece, f"ended after {text!r}"
        text += piece
    return text


def test_the_first_run_shows_each_prompt_with_no_expert_with_one_and_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = tiny_experts(tmp_path)
    monkeypatch.setattr(library_verbs, "bundled_experts_folder", lambda: bundled)
    monkeypatch.setattr(task_book, "SAMPLING", replace(task_book.SAMPLING, max_tokens=4))
    result = run("first-run", "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)["answers"]
    steps = [[], ["json-parser"], ["json-parser", "document-classifier"]]
    assert [answer["experts"] for answer in shown] == steps * len(task_book.TASKS)
    said = run("first-run")
    assert "small demonstration base of 12 million parameters" in said.stdout
    assert "--- with json-parser and document-classifier ---" in said.stdout
    assert "expert-cli base download Qwen/Qwen3-0.6B" in said.stdout
    assert said.stdout.count(task_book.TASKS[0].prompt) == 1


def test_one_expert_by_two_spellings_is_a_usage_error(library: Library) -> None:
    installed_expert(library, "json-parser")
    result = run(
        "infer", "--prompt", "x", *SHORT, "--experts", "json-parser=1,expert-json-parser=2"
    )
    assert result.exit_code == 2
    assert "--experts names json-parser twice." in result.stderr


@pytest.mark.parametrize("seed", [2**63, -(2**63) - 1])
def test_a_seed_that_no_generator_takes_is_a_usage_error(seed: int) -> None:
    result = run("infer", "--prompt", "x", "--seed", str(seed), "--json")
    assert result.exit_code == 2
    assert "--seed" in json.loads(result.stdout)["error"]["what"]


@pytest.mark.parametrize("verb", [["infer", "--prompt", "-"], ["chat"]])
def test_a_closed_standard_input_is_no_defect(
    verb: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main([*verb, "--device", "cpu"]) == (0 if verb == ["chat"] else 2)
    assert ("Standard input is closed." in capsys.readouterr().err) == (verb != ["chat"])
