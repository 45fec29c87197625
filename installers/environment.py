"""The `.venv` beside the source: made, filled from the locks, and known to be whole.

Knows nothing of Qt's system libraries or launchers. A stamp written last says what the
environment holds; whatever lacks it is gone on with, not begun again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from machine import Kind, System
from pip_run import run_pip
from refusal import Refused

ROOT = Path(__file__).resolve().parents[1]
LOCKS = Path(__file__).resolve().parent
PYTORCH_INDEX = "https://download.pytorch.org/whl"
# where the registry's own build of PyTorch is not the one wanted
OWN_BUILD: dict[tuple[str, str], str] = {("linux", "cpu"): "cpu", ("windows", "cuda"): "cu130"}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an environment holds. An empty text means: not there.

    Attributes:
        root: the folder it was made in; scripts in it name that folder.
        python: version of its Python.
        kind: "cpu" or "cuda".
        packages, tests: SHA-256 of the lock each was installed from.
        project: SHA-256 of pyproject.toml as installed.
    """

    root: str = ""
    python: str = ""
    kind: str = ""
    packages: str = ""
    tests: str = ""
    project: str = ""


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wanted_stamp(kind: Kind, *, tests: bool) -> Stamp:
    """What the environment ought to hold now."""
    return Stamp(
        root=str(ROOT),
        python=".".join(map(str, sys.version_info[:3])),
        kind=kind,
        packages=digest(LOCKS / f"requirements-{kind}.txt"),
        tests=digest(LOCKS / "requirements-test.txt") if tests else "",
        project=digest(ROOT / "pyproject.toml"),
    )


def requirement_count(lock: str) -> int:
    """Requirements in the text of a lock."""
    return len(re.findall(r"^[a-z0-9].*==", lock, re.MULTILINE))


def part_of(lock: str, name: str) -> str:
    """One package's requirements with their hashes, out of the text of a lock."""
    found = re.findall(rf"^{name}==.*(?:\n    --hash.*)*", lock, re.MULTILINE)
    if not found:
        raise Refused(f"{name} is missing from the lock.", "", "Run installers/lock.py.")
    return "\n".join(found) + "\n"


class Environment:
    """One virtual environment on disk."""

    def __init__(self, folder: Path, name: System) -> None:
        self.folder = folder
        self._system = name
        self._stamp_file = folder / "expert-studio-stamp.json"
        self.log = folder / "set-up.log"

    def command(self, name: str) -> Path:
        """An executable in it."""
        if self._system == "windows":
            return self.folder / "Scripts" / f"{name}.exe"
        return self.folder / "bin" / name

    @property
    def site_packages(self) -> Path:
        if self._system == "windows":
            return self.folder / "Lib" / "site-packages"
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return self.folder / "lib" / version / "site-packages"

    def stamp(self) -> Stamp:
        """What it holds; an empty stamp if that is not known."""
        try:
            return Stamp(**json.loads(self._stamp_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Stamp()

    def _write_stamp(self, stamp: Stamp) -> None:
        partial = self._stamp_file.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(stamp), indent=2) + "\n", encoding="utf-8")
        partial.replace(self._stamp_file)

    def is_ready(self, wanted: Stamp) -> bool:
        """Whether it holds at least what is wanted, so that nothing need be done."""
        held = self.stamp()
        same = ("root", "python", "kind", "packages", "project")
        return (
            all(getattr(held, field) == getattr(wanted, field) for field in same)
            and wanted.tests in {"", held.tests}
            and self.command("python").exists()
        )

    def prepare(self, wanted: Stamp) -> None:
        """Brings it to hold what is wanted, going on from wherever it is.

        Raises:
            Refused: it cannot be made, or pip failed.
        """
        if not self._is_usable(wanted):
            self._create()
        self._drop_half_installed()
        lock = f"requirements-{wanted.kind}.txt"
        if self.stamp().packages != wanted.packages:
            text = (LOCKS / lock).read_text(encoding="utf-8")
            self._install_pip(text)
            self._install_torch(text, OWN_BUILD.get((self._system, wanted.kind)))
            self._install_lock(LOCKS / lock)
        if wanted.tests and self.stamp().tests != wanted.tests:
            self._install_lock(LOCKS / "requirements-test.txt")
        # --no-index: the project itself needs nothing but the build backend in the lock
        editable = ["--no-deps", "--no-index", "--no-build-isolation", "--editable", str(ROOT)]
        self._pip(editable)
        self._write_stamp(wanted)

    def _is_usable(self, wanted: Stamp) -> bool:
        """Whether what is there can be gone on with: right place, Python and kind."""
        try:
            asked = [str(self.command("python")), "-c", "import sys, pip; print(sys.prefix)"]
            answer = subprocess.run(asked, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return False
        held = self.stamp()
        moved = Path(answer.stdout.strip()).resolve() != self.folder.resolve()
        if moved or not self.site_packages.is_dir():
            return False
        return held == Stamp() or (held.root, held.kind) == (wanted.root, wanted.kind)

    def _create(self) -> None:
        print(f"Making a Python environment in {self.folder}")
        try:
            if self.folder.exists():
                shutil.rmtree(self.folder)
            make = [sys.executable, "-m", "venv", "--without-pip", str(self.folder)]
            subprocess.run(make, check=True, capture_output=True, text=True)
        except OSError as cause:
            raise Refused(
                f"The Python environment {self.folder} could not be made.",
                f"{cause.strerror or cause}.",
                "Make sure that its folder may be written to and that no app in it is running.",
            ) from cause
        except subprocess.CalledProcessError as cause:
            raise _no_venv((cause.stderr or "").strip()) from cause

    def _install_pip(self, lock: str) -> None:
        """Puts the locked pip in: by what Python brings, or by the pip of this machine."""
        wanted = self.folder / "pip.txt"
        wanted.write_text(part_of(lock, "pip"), encoding="utf-8")
        options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(wanted)]
        if importlib.util.find_spec("pip", str(self.site_packages)) is None or not any(
            self.site_packages.glob("pip-*.dist-info/RECORD")
        ):
            self._bring_pip()
        self._pip(options)

    def _bring_pip(self) -> None:
        python = str(self.command("python"))
        if importlib.util.find_spec("ensurepip") is not None:
            brought = subprocess.run(
                [python, "-m", "ensurepip", "--upgrade"], capture_output=True, check=False
            )
            if brought.returncode == 0:
                return
        # Debian keeps ensurepip in a package of its own, but its pip can install elsewhere
        if importlib.util.find_spec("pip") is not None:
            borrowed = [sys.executable, "-m", "pip", "--python", python, "install", "pip"]
            if subprocess.run(borrowed, capture_output=True, check=False).returncode == 0:
                return
        raise _no_venv("this Python has neither ensurepip nor a working pip")

    def _install_torch(self, lock: str, build: str | None) -> None:
        """PyTorch before all else: the largest part, and the one that may lie elsewhere.

        Args:
            build: its build where the registry's own is not the one wanted.
        """
        version = re.search(rf"^torch===(\S+\+{build})", lock, re.MULTILINE)
        if version is None or any(self.site_packages.glob(f"torch-{version[1]}.dist-info/RECORD")):
            return  # the lock's other packages come from the registry, PyTorch among them
        wanted = self.folder / "torch.txt"
        wanted.write_text(part_of(lock, "torch"), encoding="utf-8")
        # A machine's own pip settings may know a folder or a mirror that has this build.
        looking = ["install", "--dry-run", "--no-deps", "--only-binary", ":all:", "--quiet"]
        asked = [str(self.command("python")), "-m", "pip", *looking, f"torch=={version[1]}"]
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            self._install_lock(wanted)
            return
        try:
            self._install_lock(wanted, "--index-url", f"{PYTORCH_INDEX}/{build}")
        except Refused as refused:
            raise Refused(
                f"PyTorch {version[1]} could not be fetched from {PYTORCH_INDEX}/{build}.",
                refused.why,
                f"{refused.remedy} A folder with its wheel will do too: name it in PIP_FIND_LINKS.",
            ) from refused

    def _install_lock(self, lock: Path, *options: str) -> None:
        total = requirement_count(lock.read_text(encoding="utf-8"))
        fixed = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
        self._pip([*fixed, "--progress-bar", "raw", "-r", str(lock), *options], total)

    def _pip(self, arguments: list[str], total: int = 0) -> None:
        run_pip(
            self.command("python"), arguments, self.log, total=total,
            site_packages=self.site_packages,
        )  # fmt: skip

    def _drop_half_installed(self) -> None:
        """Forgets packages whose installation was cut short, so that pip does them again."""
        for metadata in self.site_packages.glob("*.dist-info"):
            if not (metadata / "RECORD").exists():
                shutil.rmtree(metadata)
        for displaced in self.site_packages.glob("~*"):
            if displaced.is_dir():
                shutil.rmtree(displaced)


def _no_venv(why: str) -> Refused:
    return Refused(
        "A Python environment could not be made.",
        f"{why}.",
        f"On Debian or Ubuntu run: sudo apt-get install -y python3.{sys.version_info[1]}-venv, "
        "then the same command; elsewhere install Python from python.org.",
    )
