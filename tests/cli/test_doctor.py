"""doctor looks at the real machine, the real base and the real library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.commands import diagnosis
from expert_studio.core.experts.library import Library
from expert_studio.core.inference import doctor as examination
from expert_studio.core.settings import Folders, resources_folder
from tests.expert_factory import base_sha256, installed_expert


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments])


def checks(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in answer["checks"]}


def test_a_machine_in_order_says_so(studio_home: Path) -> None:
    installed_expert(Library(Folders.default().library), "json-parser")
    result = run("--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0, answer
    assert answer["ok"] is True
    assert answer["base"]["sha256"] == base_sha256()
    assert answer["device"]
    assert "json-parser" in [expert["name"] for expert in answer["experts"]]
    found = checks(answer)
    assert list(found) == [
        *("python", "torch", "qt", "disk", "gpu", "keyring", "library", "base"),
        *("engine", "logits"),
    ]
    assert "relative L2 to transformers" in found["logits"]["found"]
    assert all(check["ok"] for check in found.values())


def test_a_base_without_weights_is_named_and_the_rest_is_still_checked(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(resources_folder() / "base" / name, tmp_path)
    result = run("--base", str(tmp_path), "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert answer["ok"] is False
    assert answer["base"] == {"folder": str(tmp_path)}
    assert not checks(answer)["base"]["ok"]
    assert checks(answer)["base"]["advice"]
    assert checks(answer)["python"]["ok"]


def test_a_base_with_weights_cut_short_is_found_by_its_header(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(resources_folder() / "base", folder, ignore=shutil.ignore_patterns("build"))
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.truncate(1_000_000)
    result = run("--base", str(folder))
    assert result.exit_code == 1
    assert "WRONG base" in result.stdout
    assert "Download the base again" in result.stdout
    assert "Something is wrong" in result.stdout


def test_a_base_too_large_to_compare_is_loaded_and_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(diagnosis, "COPIES_PER_FILE_BYTE", 1 << 30)
    found = checks(json.loads(run("--json").stdout))
    assert found["engine"]["ok"]
    assert found["logits"]["found"].startswith("not compared")


def test_an_expert_that_cannot_be_read_is_named(studio_home: Path) -> None:
    expert = installed_expert(Library(Folders.default().library), "json-parser")
    (expert.folder / "manifest.json").write_text("{")
    finding = examination.library_whole(Folders.default().library)
    assert not finding.ok
    assert "json-parser" in finding.found


def test_what_is_missing_comes_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "_installed", lambda _: None)
    assert "bootstrap.py run" in examination.torch_version().advice
    assert "bootstrap.py run" in examination.qt_opens().advice
    monkeypatch.setattr(examination, "_installed", lambda _: "2.9.0")
    assert not examination.torch_version().ok


def test_a_qt_that_cannot_load_is_found_in_a_child_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = "raise ImportError('libEGL.so.1: cannot open shared object file')"
    monkeypatch.setattr(examination, "QT_PROGRAM", program)
    finding = examination.qt_opens()
    assert not finding.ok
    assert "libEGL.so.1" in finding.found


def test_a_full_or_read_only_disk_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(examination, "ROOM_BYTES", 1 << 60)
    assert not examination.disk_room(tmp_path / "not" / "there" / "yet").ok
    monkeypatch.undo()

    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(examination.tempfile, "TemporaryFile", refuse)
    assert "Read-only file system" in examination.disk_room(tmp_path).found


def test_a_base_that_is_not_there_is_a_finding_among_the_others(tmp_path: Path) -> None:
    result = run("--base", str(tmp_path / "nowhere"), "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert answer["ok"] is False
    assert answer["base"] == {"folder": str(tmp_path / "nowhere")}
    assert "The folder does not exist." in checks(answer)["base"]["found"]


def test_a_data_folder_that_is_a_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EXPERT_STUDIO_HOME", str(tmp_path / "file"))
    answer = json.loads(run("--base", str(tmp_path), "--json").stdout)
    found = checks(answer)
    assert not found["disk"]["ok"]
    assert not found["library"]["ok"]
    assert found["library"]["advice"]
    assert answer["experts"] == []


def test_settings_that_cannot_be_read_are_found(studio_home: Path) -> None:
    (studio_home / "settings.json").write_text("{")
    result = run("--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert not checks(answer)["settings"]["ok"]
    assert "Delete the file" in checks(answer)["settings"]["advice"]
