"""The system libraries Qt's window needs on Linux: which are missing, and how to get them.

Knows nothing of Python packages. Windows and macOS bring all of them.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

# what the xcb and offscreen platforms of PySide6 6.11 load, and who has it
DEBIAN = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
FONTS = "fonts-dejavu-core"
ELSEWHERE = {
    "dnf": "dnf install -y mesa-libEGL mesa-libGL libX11-xcb dbus-libs fontconfig glib2 "
    "xcb-util-cursor xcb-util-wm xcb-util-image xcb-util-keysyms xcb-util-renderutil "
    "libxkbcommon-x11 dejavu-sans-fonts",
    "pacman": "pacman -S --needed libglvnd libx11 dbus fontconfig glib2 xcb-util-cursor "
    "xcb-util-wm xcb-util-image xcb-util-keysyms xcb-util-renderutil libxkbcommon-x11 "
    "ttf-dejavu",
    "zypper": "zypper install -y Mesa-libEGL1 Mesa-libGL1 libX11-xcb1 libdbus-1-3 fontconfig "
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 "
    "libxkbcommon-x11-0 dejavu-fonts",
}


def missing_libraries(names: Iterable[str] = DEBIAN) -> list[str]:
    """Those of the libraries that the loader does not find."""
    missing = []
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing


def has_fonts() -> bool:
    """Whether the machine has any scalable font; the app brings its own for Latin text."""
    places = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts"]
    return any(
        path.suffix.lower() in {".ttf", ".otf", ".ttc"}
        for place in places
        if place.is_dir()
        for path in place.rglob("*")
    )


def packages_for(missing: Iterable[str], *, fonts: bool) -> list[str]:
    """Debian's packages with the missing libraries, and a font where there is none."""
    return sorted({DEBIAN[name] for name in missing} | (set() if fonts else {FONTS}))


def install_command(packages: list[str], found: Mapping[str, str | None]) -> str:
    """The one command that installs what is missing, or "" where no packager is known.

    Args:
        found: path of each packager that is there ("apt-get", "dnf", "pacman", "zypper").
    """
    if found.get("apt-get"):
        return "apt-get install -y --no-install-recommends " + " ".join(packages)
    return next((line for name, line in ELSEWHERE.items() if found.get(name)), "")


def _may_install() -> list[str] | None:
    """The prefix that makes a command run as root without asking; None where there is none."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    silent = subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)
    return [sudo, "-n"] if silent.returncode == 0 else None


def provide() -> str:
    """Installs what is missing if that is allowed; returns what is left to say, or ""."""
    missing = missing_libraries()
    if not missing:
        return ""
    packages = packages_for(missing, fonts=has_fonts())
    packagers = {name: shutil.which(name) for name in ("apt-get", *ELSEWHERE)}
    command = install_command(packages, packagers)
    prefix = _may_install() if packagers["apt-get"] else None
    if prefix is None:
        advice = f"Run: sudo {command}" if command else "Install: " + " ".join(packages)
        return f"Qt's window needs libraries that are missing here. {advice}"
    print(f"Installing {len(packages)} system packages for Qt's window: {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    ended = 1
    for step in (["apt-get", "update", "-q"], command.split()):
        done = subprocess.run(
            [*prefix, *step], capture_output=True, text=True, env=environment, check=False
        )
        ended = done.returncode
    if ended != 0 or missing_libraries(missing):
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        return f"apt could not install Qt's libraries ({last[0]}). Run: {command}"
    return ""
