"""Launchers of all three systems, written as text on any of them."""

from __future__ import annotations

import configparser
import plistlib
import re
import subprocess
from pathlib import Path, PurePosixPath, PureWindowsPath

import environment
import launcher
import pytest

ICONS = environment.ROOT / "resources" / "icons"


def test_desktop_entry_survives_odd_paths() -> None:
    entry = launcher.desktop_entry(Path('/home/a b/$x"y%z\\w/expert-studio'), Path("/i c/on.png"))
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(entry)
    section = parser["Desktop Entry"]
    assert section["Name"] == "Expert Studio"
    assert section["Icon"] == "/i c/on.png"
    # undone in the order the specification names: the key's escapes, then the argument's
    unescaped = section["Exec"].replace("\\\\", "\\").replace("%%", "%")
    argument = re.sub(r"\\([\"`$\\])", r"\1", unescaped.removeprefix('"').removesuffix('"'))
    assert argument == '/home/a b/$x"y%z\\w/expert-studio'


def test_start_menu_shortcut_quotes_paths() -> None:
    script = launcher.shortcut_script(
        Path("/Start Menu/Expert Studio.lnk"), Path("/o'brien/expert-studio.exe"), Path("/i.ico")
    )
    assert "CreateShortcut('/Start Menu/Expert Studio.lnk')" in script
    assert "$link.TargetPath = '/o''brien/expert-studio.exe'" in script
    assert "$link.IconLocation = '/i.ico,0'" in script
    assert script.endswith("$link.Save()")


def test_mac_bundle_is_whole_and_its_starter_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    window = tmp_path / "it's here" / "expert-studio"
    window.parent.mkdir()
    window.write_text('#!/bin/sh\necho "window $1"\n', encoding="utf-8")
    window.chmod(0o755)
    said = launcher.write("macos", window, ICONS, "0.1.0")
    bundle = tmp_path / "Applications" / "Expert Studio.app"
    assert said == f"Launcher: {bundle}"
    information = plistlib.loads((bundle / "Contents" / "Info.plist").read_bytes())
    assert (bundle / "Contents" / "Resources" / information["CFBundleIconFile"]).is_file()
    starter = bundle / "Contents" / "MacOS" / information["CFBundleExecutable"]
    shown = subprocess.run([starter, "x"], capture_output=True, text=True, check=True)
    assert shown.stdout == "window x\n"


def test_linux_launcher_is_written_and_may_be_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    said = launcher.write("linux", Path("/app/expert-studio"), ICONS, "0.1.0")
    target = tmp_path / "applications" / "expert-studio.desktop"
    assert said == f"Launcher: {target}"
    assert target.stat().st_mode & 0o111
    icon = next(line for line in target.read_text().splitlines() if line.startswith("Icon="))
    assert Path(icon.partition("=")[2]).is_file()


def test_a_home_that_cannot_be_written_to_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    said = launcher.write("linux", Path("/app/expert-studio"), ICONS, "0.1.0")
    assert said.startswith("No launcher was made (")
    assert said.endswith("start the window with /app/expert-studio")


def test_places() -> None:
    home = Path("/home/ada")
    assert PurePosixPath(launcher.place("macos", home, {})).suffix == ".app"
    start_menu = launcher.place("windows", home, {"APPDATA": "/roaming"})
    assert PureWindowsPath(start_menu).name == "Expert Studio.lnk"
    assert start_menu.is_relative_to("/roaming/Microsoft/Windows/Start Menu/Programs")
    assert launcher.place("linux", home, {}).parent == home / ".local/share/applications"


@pytest.mark.parametrize("name", ["expert-studio.ico", "expert-studio.icns"])
def test_icons_of_all_systems_are_there(name: str) -> None:
    starts = {"expert-studio.ico": b"\0\0\1\0", "expert-studio.icns": b"icns"}
    assert (ICONS / name).read_bytes().startswith(starts[name])
