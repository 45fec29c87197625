"""The door: fitting and unfitting Pythons, and environments made, resumed and left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import bootstrap
import environment
import pytest
import set_up
from environment import Environment, Stamp
from one_at_a_time import WAITING
from refusal import Refused

BOOTSTRAP = environment.ROOT / "installers" / "bootstrap.py"


@pytest.mark.parametrize(
    ("version", "fits"),
    [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False), ((2, 7), False)],
)
def test_which_pythons_fit(version: tuple[int, int], fits: bool) -> None:
    assert bootstrap.is_supported(version) == fits


def test_an_old_python_is_told_what_it_lacks() -> None:
    said = bootstrap.unsupported((3, 9, 2))
    assert "needs Python 3.11 to 3.13, and this is Python 3.9" in said


def test_range_of_pythons_is_the_projects() -> None:
    text = (environment.ROOT / "pyproject.toml").read_text("utf-8")
    assert f'requires-python = ">=3.{bootstrap.OLDEST[1]},<3.{bootstrap.NEWEST[1] + 1}"' in text


def test_help_needs_nothing_installed() -> None:
    alone = [sys.executable, "-S", "-E", str(BOOTSTRAP), "--help"]
    shown = subprocess.run(alone, capture_output=True, text=True, check=True)
    assert "{run,test,prepare}" in shown.stdout


def test_a_part_of_a_lock() -> None:
    lock = "a==1 \\\n    --hash=sha256:0\nab==2 \\\n    --hash=sha256:1\n    --hash=sha256:2\n"
    assert environment.part_of(lock, "ab") == (
        "ab==2 \\\n    --hash=sha256:1\n    --hash=sha256:2\n"
    )
    assert environment.requirement_count(lock) == 2
    with pytest.raises(Refused, match="c is missing"):
        environment.part_of(lock, "c")


def test_environment_paths_on_windows(tmp_path: Path) -> None:
    windows = Environment(tmp_path, "windows")
    assert windows.command("expert-cli") == tmp_path / "Scripts" / "expert-cli.exe"
    assert windows.site_packages == tmp_path / "Lib" / "site-packages"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A real environment without packages."""
    fresh = Environment(tmp_path_factory.mktemp("made") / ".venv", "linux")
    fresh._create()
    return fresh


def test_environment_is_made_and_answers(made: Environment) -> None:
    asked = [made.command("python"), "-c", "import sys; print(sys.prefix)"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert Path(told.stdout.strip()).resolve() == made.folder.resolve()
    assert made.site_packages.is_dir()


def test_ready_means_all_that_is_wanted(made: Environment) -> None:
    wanted = environment.wanted_stamp("cpu", tests=False)
    tested = environment.wanted_stamp("cpu", tests=True)
    assert not made.is_ready(wanted)
    made._write_stamp(wanted)
    assert made.is_ready(wanted)
    assert not made.is_ready(tested)
    made._write_stamp(tested)
    assert made.is_ready(wanted)
    assert made.is_ready(tested)
    assert not made.is_ready(environment.wanted_stamp("cuda", tests=False))


@pytest.mark.parametrize("content", ["", "[]", '{"unknown": 1}', '{"root": '])
def test_a_damaged_stamp_counts_as_none(made: Environment, content: str) -> None:
    (made.folder / "expert-studio-stamp.json").write_text(content, encoding="utf-8")
    assert made.stamp() == Stamp()


def test_half_installed_packages_are_done_again(made: Environment) -> None:
    whole = made.site_packages / "whole-1.dist-info"
    cut = made.site_packages / "cut-1.dist-info"
    displaced = made.site_packages / "~isplaced"
    for folder in (whole, cut, displaced):
        folder.mkdir()
        (folder / "METADATA").touch()
    (whole / "RECORD").touch()
    made._drop_half_installed()
    assert [whole.exists(), cut.exists(), displaced.exists()] == [True, False, False]


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".venv").write_text("a file in the way", encoding="utf-8")
    with pytest.raises(Refused, match="could not be made"):
        Environment(tmp_path / ".venv", "linux")._create()


def test_refusals_end_with_one_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise Refused("It did not happen.", "The moon is full.", "Wait.")

    monkeypatch.setattr(set_up, "set_up", refuse)
    assert set_up.main(["run"]) == 1
    assert capsys.readouterr().err == "It did not happen. The moon is full. Wait.\n"


def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(set_up, "set_up", interrupt)
    assert set_up.main(["test"]) == set_up.STOPPED
    assert "goes on where it was" in capsys.readouterr().err


def test_without_a_screen_the_terminal_is_used(
    made: Environment, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(set_up.machine, "has_display", lambda _: False)
    ran: list[list[str]] = []
    monkeypatch.setattr(set_up, "_replace_by", ran.append)
    set_up.run(made, ["--json"])
    assert ran == [[str(made.command("expert-cli")), "first-run", "--json"]]
    assert "There is no screen here" in capfd.readouterr().out


def test_with_a_screen_the_window_is_opened(
    made: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_up.machine, "has_display", lambda _: True)
    ran: list[list[str]] = []
    monkeypatch.setattr(set_up, "_replace_by", ran.append)
    set_up.run(made, [])
    assert ran == [[str(made.command("expert-studio"))]]


def test_a_missing_command_is_a_sentence() -> None:
    with pytest.raises(Refused, match=r"absent is not there\. Delete \.venv"):
        set_up._replace_by(["/absent"])


def test_the_stamp_is_readable(made: Environment) -> None:
    made._write_stamp(environment.wanted_stamp("cpu", tests=True))
    held = json.loads((made.folder / "expert-studio-stamp.json").read_text("utf-8"))
    assert held["kind"] == "cpu"
    assert held["root"] == str(environment.ROOT)


HOLD = "import sys; from pathlib import Path; from one_at_a_time import one_at_a_time; "
CHILD = "import subprocess; subprocess.Popen(['sleep', '2'], close_fds=False); "


def test_a_second_set_up_waits_for_what_the_first_left_running(tmp_path: Path) -> None:
    """The first dies at once, but its pip (here: a sleep) still writes."""
    first = f"{HOLD}lock = one_at_a_time(Path(sys.argv[1])); lock.__enter__(); {CHILD}"
    second = f"{HOLD}lock = one_at_a_time(Path(sys.argv[1])); lock.__enter__()"
    run = partial(subprocess.run, cwd=BOOTSTRAP.parent, text=True, check=True)
    run([sys.executable, "-c", first, str(tmp_path)])
    for expected in (f"{WAITING}\n", ""):
        told = run([sys.executable, "-c", second, str(tmp_path)], stdout=subprocess.PIPE)
        assert told.stdout == expected
