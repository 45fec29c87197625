"""Which system packages are asked for, and by which command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import PySide6
import pytest
import qt_libraries


def test_the_list_covers_what_qts_platforms_load() -> None:
    """Every library the two platforms of the installed Qt name is Qt's, glibc's or listed."""
    plugins = Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms"
    brought = {path.name for path in plugins.parents[1].joinpath("lib").iterdir()}
    needed: set[str] = set()
    for plugin in ("libqxcb.so", "libqoffscreen.so"):
        told = subprocess.run(["ldd", plugins / plugin], capture_output=True, text=True, check=True)
        direct = [line.split()[0] for line in told.stdout.splitlines() if "=>" in line]
        needed |= {name for name in direct if name.startswith(("libxcb-", "libxkb", "libEGL"))}
    assert needed - brought - qt_libraries.DEBIAN.keys() == set()


def test_missing_libraries_are_named() -> None:
    assert qt_libraries.missing_libraries(["libc.so.6", "libabsent.so.9"]) == ["libabsent.so.9"]


def test_packages_of_missing_libraries() -> None:
    packages = qt_libraries.packages_for(["libxcb-icccm.so.4", "libEGL.so.1"], fonts=False)
    assert packages == ["fonts-dejavu-core", "libegl1", "libxcb-icccm4"]
    assert qt_libraries.packages_for([], fonts=True) == []


@pytest.mark.parametrize(
    ("there", "start"),
    [
        ("apt-get", "apt-get install -y --no-install-recommends libegl1"),
        ("dnf", "dnf install -y"),
        ("pacman", "pacman -S --needed"),
        ("zypper", "zypper install -y"),
    ],
)
def test_one_command_for_each_packager(there: str, start: str) -> None:
    command = qt_libraries.install_command(["libegl1"], {there: f"/usr/bin/{there}"})
    assert command.startswith(start)


def test_no_command_where_no_packager_is_known() -> None:
    assert qt_libraries.install_command(["libegl1"], {}) == ""


def test_without_rights_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qt_libraries, "missing_libraries", lambda *_: ["libxcb-icccm.so.4"])
    monkeypatch.setattr(qt_libraries, "_may_install", lambda: None)
    monkeypatch.setattr(qt_libraries.shutil, "which", lambda name: f"/usr/bin/{name}")
    said = qt_libraries.provide()
    assert "Run: sudo apt-get install -y --no-install-recommends" in said
    assert "libxcb-icccm4" in said
