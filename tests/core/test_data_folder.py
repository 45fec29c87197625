"""The data moves whole or not at all, whenever the move is cut off."""

from __future__ import annotations

import json
from pathlib import Path

import platformdirs
import pytest

from expert_studio.core import data_folder, settings
from expert_studio.core.data_folder import MoveStopped, Order
from expert_studio.core.errors import SettingsError, StorageError
from expert_studio.core.settings import Folders, Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's folders, with data where the platform keeps it."""
    monkeypatch.delenv("EXPERT_STUDIO_HOME")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *_, **__: str(tmp_path / "data"))
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "conf"))
    data = tmp_path / "data"
    (data / "library" / "json-parser").mkdir(parents=True)
    (data / "library" / "json-parser" / "weights").write_bytes(b"w" * 5000)
    (data / "bases" / "own").mkdir(parents=True)
    (data / "bases" / "own" / "config.json").write_text("{}")
    settings.save(Settings(base=str(data / "bases" / "own"), theme="dark"), Folders(data))
    return tmp_path


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if p.name != "settings.json"}


def _another_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bool:
        return False

    monkeypatch.setattr(data_folder, "_renamed", refuse)


@pytest.mark.parametrize("other_disk", [False, True])
def test_a_move_brings_everything_and_is_noted(
    home: Path, monkeypatch: pytest.MonkeyPatch, other_disk: bool
) -> None:
    if other_disk:
        _another_disk(monkeypatch)
    before = _contents(home / "data")
    new = home / "elsewhere" / "studio"
    data_folder.place(data_folder.check(new, home / "data"))
    assert Folders.default().data == home / "data", "until the next start"
    told: list[tuple[int, int]] = []
    folders = data_folder.settle(lambda done, total: told.append((done, total)))
    assert folders.data == new == Folders.default().data
    assert _contents(new) == before
    assert not (home / "data").exists()
    assert settings.load(folders) == Settings(base=str(new / "bases" / "own"), theme="dark")
    assert data_folder.placed() is None
    assert bool(told) is other_disk
    assert data_folder.settle().data == new


def test_a_move_that_is_stopped_or_fails_leaves_all_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _another_disk(monkeypatch)
    before = _contents(home / "data")
    new = home / "new"
    data_folder.place(Order(new, move=True))
    calls: list[bool] = []

    def stopped() -> bool:
        calls.append(True)
        return len(calls) > 2

    with pytest.raises(MoveStopped):
        data_folder.settle(stopped=stopped)
    new.mkdir()
    (new / "a letter.txt").write_text("mine")
    with pytest.raises(StorageError, match="not moved"):
        data_folder.settle()
    assert _contents(home / "data") == before
    assert _contents(new) == {"a letter.txt": b"mine"}
    assert Folders.default().data == home / "data"
    assert not list(home.glob(".*.staging"))


@pytest.mark.parametrize("cut", ["_note", "_finish"])
@pytest.mark.parametrize("other_disk", [False, True])
def test_a_move_that_is_cut_off_is_gone_on_with(
    home: Path, monkeypatch: pytest.MonkeyPatch, cut: str, other_disk: bool
) -> None:
    before = _contents(home / "data")
    new = home / "new"
    data_folder.place(Order(new, move=True))

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if other_disk:
            _another_disk(patched)
        patched.setattr(data_folder, cut, power_cut)
        with pytest.raises(KeyboardInterrupt):
            data_folder.settle()
    assert data_folder.settle().data == new
    assert _contents(new) == before
    assert not (home / "data").exists()


def test_a_folder_with_data_is_used_as_it_is(home: Path) -> None:
    other = home / "other"
    settings.save(Settings(theme="light"), Folders(other))
    order = data_folder.check(other, home / "data")
    assert order == Order(other, move=False)
    data_folder.place(order)
    assert settings.load(data_folder.settle()).theme == "light"
    assert (home / "data" / "settings.json").exists()


def test_what_cannot_take_the_data_is_refused_with_the_reason(home: Path) -> None:
    full = home / "full"
    full.mkdir()
    (full / "taxes.ods").write_text("")
    for folder, why in (
        (home / "data", "there already"),
        (home / "data" / "inside", "in the other"),
        (home, "in the other"),
        (full, "taxes.ods"),
    ):
        with pytest.raises(SettingsError, match=why):
            data_folder.check(folder, home / "data")


def test_the_environment_decides_where_it_is_set(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPERT_STUDIO_HOME", str(home / "set"))
    data_folder.place(Order(home / "new", move=True))
    assert data_folder.is_chosen_outside()
    assert data_folder.settle().data == home / "set"
    assert (home / "data").exists()


def test_a_note_that_makes_no_sense_is_no_note(home: Path) -> None:
    note = settings.pointer_file()
    note.parent.mkdir()
    for nonsense in ("", "[]", "{", json.dumps({"data": 7, "next": "x"})):
        note.write_text(nonsense)
        assert Folders.default().data == home / "data"
        assert data_folder.placed() is None
    assert list(note.parent.iterdir()) == [note]
