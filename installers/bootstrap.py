"""The one command: sets Expert Studio up and opens it, or sets it up and tests it.

    python3 installers/bootstrap.py run     the window (in a terminal without a screen)
    python3 installers/bootstrap.py test    linters and tests; further arguments go to pytest
    python3 installers/bootstrap.py prepare set up, and no more

Knows which Python it may run under, and hands on to `set_up`. This file alone must stay
readable to older Pythons (3.7 on), so that they can say what they lack.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)
TOLD = "EXPERT_STUDIO_PYTHON_CHOSEN"  # set for the Python this one hands over to


def is_supported(version: tuple[int, ...]) -> bool:
    """Whether a Python of this version, its first two numbers at least, can run the app."""
    return OLDEST <= tuple(version[:2]) <= NEWEST


def another_python() -> list[str] | None:
    """The command of a fitting Python on this machine, newest first, or None."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        candidates = [[f"python3.{minor}"]]
        if os.name == "nt":
            candidates.append(["py", f"-3.{minor}"])
        for command in candidates:
            # a version manager's shim may be there for a Python that is not
            if shutil.which(command[0]) and _answers(command):
                return command
    return None


def _answers(command: list[str]) -> bool:
    return subprocess.run([*command, "-c", ""], capture_output=True).returncode == 0  # noqa: PLW1510


def unsupported(version: tuple[int, ...]) -> str:
    """What to tell the person whose Python does not fit."""
    return (
        f"Expert Studio needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}, and this is Python "
        f"{version[0]}.{version[1]}. Install a fitting one (on Ubuntu 22.04: sudo apt-get install "
        "python3.11 python3.11-venv; on Debian or a newer Ubuntu: sudo apt-get install python3 "
        "python3-venv; elsewhere from python.org), then run the same command with it."
    )


def main() -> int:
    """Runs the command under a fitting Python; returns the exit code."""
    version = tuple(sys.version_info[:2])
    if is_supported(version):
        import set_up

        return set_up.main(sys.argv[1:])
    other = None if os.environ.get(TOLD) else another_python()
    if other is None:
        print(unsupported(version), file=sys.stderr)
        return 1
    return subprocess.call([*other, *sys.argv], env={**os.environ, TOLD: "1"})


if __name__ == "__main__":
    sys.exit(main())
