"""A launcher with the app's icon, so that from now on a double click opens the window.

Knows each system's form of one, and nothing of the window.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from machine import System

NAME = "Expert Studio"
COMMENT = "Compose small experts on one language model"
IDENTIFIER = "expert-studio"


def desktop_entry(command: Path, icon: Path) -> str:
    """The text of a freedesktop.org launcher. Paths with spaces and quotes survive."""
    quoted = str(command)
    for character in ("\\", '"', "`", "$"):
        quoted = quoted.replace(character, "\\" + character)
    quoted = quoted.replace("\\", "\\\\").replace("%", "%%")
    return (
        "[Desktop Entry]\n"
        "Type=Application\n"
        f"Name={NAME}\n"
        f"Comment={COMMENT}\n"
        f'Exec="{quoted}"\n'
        f"Icon={icon}\n"
        "Terminal=false\n"
        "Categories=Development;Science;\n"
        f"StartupWMClass={IDENTIFIER}\n"
    )


def shortcut_script(shortcut: Path, command: Path, icon: Path) -> str:
    """The PowerShell that writes a Start-menu shortcut."""

    def text(path: Path | str) -> str:
        return "'" + str(path).replace("'", "''") + "'"

    return "; ".join(
        [
            f"$link = (New-Object -ComObject WScript.Shell).CreateShortcut({text(shortcut)})",
            f"$link.TargetPath = {text(command)}",
            f"$link.WorkingDirectory = {text(command.parent)}",
            f"$link.IconLocation = {text(f'{icon},0')}",
            f"$link.Description = {text(COMMENT)}",
            "$link.Save()",
        ]
    )


def bundle_information(version: str) -> bytes:
    """The Info.plist of a macOS bundle."""
    return plistlib.dumps(
        {
            "CFBundleName": NAME,
            "CFBundleDisplayName": NAME,
            "CFBundleIdentifier": f"org.{IDENTIFIER}",
            "CFBundleVersion": version,
            "CFBundleShortVersionString": version,
            "CFBundlePackageType": "APPL",
            "CFBundleExecutable": IDENTIFIER,
            "CFBundleIconFile": f"{IDENTIFIER}.icns",
            "LSMinimumSystemVersion": "14.0",
            "NSHighResolutionCapable": True,
        }
    )


def bundle_starter(command: Path) -> str:
    """The script in a macOS bundle that starts the window."""
    quoted = "'" + str(command).replace("'", "'\\''") + "'"
    return f'#!/bin/sh\nexec {quoted} "$@"\n'


def place(name: System, home: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where this system looks for a person's own launchers."""
    if name == "windows":
        roaming = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
        return roaming / "Microsoft" / "Windows" / "Start Menu" / "Programs" / f"{NAME}.lnk"
    if name == "macos":
        return home / "Applications" / f"{NAME}.app"
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    return data / "applications" / f"{IDENTIFIER}.desktop"


def _write_bundle(bundle: Path, command: Path, icon: Path, version: str) -> None:
    contents = bundle / "Contents"
    for folder in ("MacOS", "Resources"):
        (contents / folder).mkdir(parents=True, exist_ok=True)
    (contents / "Info.plist").write_bytes(bundle_information(version))
    shutil.copy(icon, contents / "Resources" / f"{IDENTIFIER}.icns")
    starter = contents / "MacOS" / IDENTIFIER
    starter.write_text(bundle_starter(command), encoding="utf-8")
    starter.chmod(0o755)


def write(name: System, command: Path, icons: Path, version: str) -> str:
    """Writes the launcher anew; returns where it is, or why not, as a sentence.

    A launcher is a convenience: a home that cannot be written to does not stop set-up.
    """
    target = place(name, Path.home())
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if name == "windows":
            script = shortcut_script(target, command, icons / f"{IDENTIFIER}.ico")
            powershell = ["powershell", "-NoProfile", "-NonInteractive", "-Command", script]
            subprocess.run(powershell, check=True, capture_output=True, timeout=60)
        elif name == "macos":
            _write_bundle(target, command, icons / f"{IDENTIFIER}.icns", version)
        else:
            entry = desktop_entry(command, icons / f"{IDENTIFIER}-256.png")
            target.write_text(entry, encoding="utf-8")
            target.chmod(0o755)  # file managers start only what may be executed
    except (OSError, subprocess.SubprocessError) as cause:
        return f"No launcher was made ({cause}); start the window with {command}"
    return f"Launcher: {target}"
