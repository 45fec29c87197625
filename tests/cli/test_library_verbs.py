"""list, info, install, uninstall, base: the verbs that need no engine, and how all verbs fail."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.commands import library as library_verbs
from expert_studio.commands.report import in_bytes, printable
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.base_choice import base_folder
from expert_studio.core.settings import Folders
from tests.expert_factory import expert_file, installed_expert
from tests.hub_mirror import COMMIT, REPO, Behaviour, Mirror, small_base


@pytest.fixture
def library(studio_home: Path) -> Library:
    return Library(Folders.default().library)


@pytest.fixture(autouse=True)
def nothing_bundled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What ships with the app is another test's matter."""
    monkeypatch.setattr(library_verbs, "bundled_experts_folder", lambda: tmp_path / "none")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_an_expert_is_installed_listed_shown_and_removed(tmp_path: Path) -> None:
    package = expert_file(tmp_path, "json-parser", quality_metrics={"held_out_score": 0.75})
    result = run("install", str(package), "--allow-unsigned", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["expert"]["name"] == "json-parser"
    listed = json.loads(run("list", "--json").stdout)
    assert [expert["name"] for expert in listed["experts"]] == ["json-parser"]
    assert listed["problems"] == []
    shown = json.loads(run("info", "expert-json-parser", "--json").stdout)
    assert shown["manifest"]["quality_metrics"] == {"held_out_score": 0.75}
    assert shown["versions"] == ["1.0.0"]
    assert "held_out_score" in run("info", "json-parser").stdout
    removed = run("uninstall", "json-parser", "--json")
    assert json.loads(removed.stdout)["versions"] == ["1.0.0"]
    assert json.loads(run("list", "--json").stdout)["experts"] == []


def test_the_words_for_people(tmp_path: Path, library: Library) -> None:
    assert "No experts are installed yet." in run("list").stdout
    package = str(expert_file(tmp_path, "json-parser"))
    assert "is installed." in run("install", package, "--allow-unsigned").stdout
    assert "json-parser" in run("list").stdout
    installed_expert(library, "classifier", load_order=9, requires=["json-parser"])
    refused = run("uninstall", "json-parser")
    assert refused.exit_code == 3
    assert "classifier cannot work without it" in refused.stderr
    assert "is uninstalled." in run("uninstall", "classifier").stdout


def test_an_expert_for_another_base_is_refused_unless_asked_for(
    tmp_path: Path, library: Library
) -> None:
    package = expert_file(tmp_path, "sql", base_name="Qwen3-0.6B", base_digest="ab" * 32)
    refused = run("install", str(package))
    assert refused.exit_code == 4
    assert "It was made for Qwen3-0.6B." in refused.stderr
    assert library.experts() == ()
    assert run("install", str(package), "--any-base", "--allow-unsigned").exit_code == 0


def test_a_file_that_is_no_package_is_a_sentence(tmp_path: Path, library: Library) -> None:
    (tmp_path / "bad.expert").write_bytes(b"\x1f\x8b not really")
    result = run("install", str(tmp_path / "bad.expert"), "--json")
    assert result.exit_code == 12
    assert json.loads(result.stdout)["error"]["exit_code"] == 12
    assert run("install", str(tmp_path / "missing.expert")).exit_code not in {0, 70}
    assert library.experts() == ()


def test_a_damaged_expert_does_not_hide_the_others(library: Library) -> None:
    installed_expert(library, "json-parser")
    broken = installed_expert(library, "broken")
    (broken.folder / "manifest.json").write_text("not json")
    result = run("list")
    assert "json-parser" in result.stdout
    assert "broken" in result.stderr
    assert len(json.loads(run("list", "--json").stdout)["problems"]) == 1


def test_bundled_experts_are_there_from_the_first_command_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundled").mkdir()
    expert_file(tmp_path / "bundled" / "json-parser", "json-parser")
    monkeypatch.setattr(library_verbs, "bundled_experts_folder", lambda: tmp_path / "bundled")
    names = [expert["name"] for expert in json.loads(run("list", "--json").stdout)["experts"]]
    assert names == ["json-parser"]
    run("uninstall", "json-parser")
    assert json.loads(run("list", "--json").stdout)["experts"] == []


def test_a_first_run_without_its_experts_says_what_is_missing() -> None:
    result = run("first-run")
    assert result.exit_code == 1
    assert "document-classifier and json-parser" in result.stderr


def test_bases_are_listed_with_those_that_can_be_fetched() -> None:
    answer = json.loads(run("base", "list", "--json").stdout)
    assert answer["fetched"] == []
    assert [base["repo"] for base in answer["offered"]] == [
        "Qwen/Qwen3-0.6B",
        "Qwen/Qwen2.5-0.5B-Instruct",
    ]
    assert "expert-cli base download" in run("base", "list").stdout


def test_a_download_without_a_network_is_a_sentence() -> None:
    result = run("base", "download", "Qwen/Qwen3-0.6B", "--json")
    assert result.exit_code == 1
    assert "switched off" in json.loads(result.stdout)["error"]["why"]


def test_a_base_is_fetched_and_can_then_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = Mirror(Behaviour(small_base()))
    try:
        monkeypatch.setenv("HF_ENDPOINT", mirror.address)
        monkeypatch.delenv("HF_HUB_OFFLINE")
        fetched = json.loads(run("base", "download", REPO, "--json").stdout)
        assert fetched["revision"] == COMMIT
        assert fetched["size_bytes"] > 1 << 20
        assert f"--base {REPO}" in run("base", "download", REPO).stdout
    finally:
        mirror.close()
    (listed,) = json.loads(run("base", "list", "--json").stdout)["fetched"]
    assert listed["folder"] == fetched["folder"]
    meant = {base_folder(word, Folders.default()) for word in ("tiny-base", REPO)}
    assert meant == {Path(fetched["folder"])}


@pytest.mark.parametrize("arguments", [["nonsense"], ["info"], ["list", "--nonsense"]])
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
    told = run(*arguments, "--json")
    assert told.exit_code == 2
    assert json.loads(told.stdout)["error"]["exit_code"] == 2


def test_a_defect_leaves_its_traceback_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_self: Library) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Library, "experts", break_down)
    result = run("list", "--json")
    assert result.exit_code == 70
    error = json.loads(result.stdout)["error"]
    assert "ZeroDivisionError: a defect" in error["why"]
    (log,) = Folders.default().logs.iterdir()
    assert str(log) in error["remedy"]
    assert "break_down" in log.read_text(encoding="utf-8")
    assert "Traceback" not in result.output


def test_an_interrupt_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_self: Library) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Library, "experts", interrupt)
    result = run("list")
    assert (result.exit_code, result.stderr) == (130, "Stopped.\n")


def test_a_package_cannot_steer_the_terminal(library: Library) -> None:
    installed_expert(library, "json-parser", description="\x1b[2J\x1b]0;owned\x07 [red]x[/red]")
    for verb in (["list"], ["info", "json-parser"]):
        said = run(*verb).stdout
        assert "\x1b" not in said
        assert "\x07" not in said
        assert "[red]x[/red]" in said
    assert printable("a\u202eb\x9b\tc\n") == "a\ufffdb\ufffd\tc\n"


def test_listing_needs_neither_torch_nor_qt(studio_home: Path) -> None:
    program = (
        "import sys\nfrom expert_studio.cli import app\n"
        "try:\n    app(['list', '--json'], standalone_mode=False)\n"
        "finally:\n    heavy = {'torch', 'transformers', 'PySide6', 'httpx'} & set(sys.modules)\n"
        "    assert not heavy, heavy"
    )
    command = [sys.executable, "-c", program]
    child = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert child.returncode == 0, child.stderr
    assert "experts" in json.loads(child.stdout)


def test_every_verb_helps() -> None:
    group = typer.main.get_group(app)
    verbs = list(group.commands)
    for verb in ("doctor", "chat", "infer", "list", "info", "install", "uninstall", "base"):
        assert verb in verbs
    for verb in verbs:
        result = run(verb, "--help")
        assert result.exit_code == 0
        assert "Usage" in result.stdout
    assert "expert-cli" in run("--version").stdout


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (24_271_016, "24.3 MB"), (1_503_300_328, "1.50 GB")],
)
def test_sizes_are_told_in_round_figures(size: int, words: str) -> None:
    assert in_bytes(size) == words


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]])
def test_an_answer_that_goes_to_a_full_disk_is_a_sentence(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "expert_studio.cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert "could not be written to standard output" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_room_for_the_bundled_experts_the_verbs_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expert_file(tmp_path / "bundled" / "json-parser", "json-parser")
    monkeypatch.setattr(library_verbs, "bundled_experts_folder", lambda: tmp_path / "bundled")
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage(1, 1, 0))
    result = run("list", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["experts"] == []
    assert "could not be installed" in result.stderr
    assert "are free" in result.stderr


def test_a_file_where_the_data_folder_should_be_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EXPERT_STUDIO_HOME", str(tmp_path / "file"))
    result = run("list", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["what"] == "The library cannot be read."
