"""The order of set-up, and what follows it: the window, the terminal, or the tests.

Each step knows its own part; this one knows only which comes next.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import launcher
import machine
import qt_libraries
from environment import ROOT, Environment, wanted_stamp
from one_at_a_time import one_at_a_time
from progress_line import duration
from refusal import Refused

STOPPED = 130  # what a shell reports for Ctrl-C
# The whole suite runs in two processes, a file's tests in one of them, each counting on one core:
# 14 minutes where one takes 20. Whoever names tests gets one process, and may use -s or --pdb.
WHOLE_SUITE = ["--numprocesses=2", "--dist=loadfile"]


def set_up(*, tests: bool, forced: machine.Kind | None = None) -> Environment:
    """The environment, holding what the locks say; whatever is missing is installed.

    Raises:
        Refused: this machine cannot have it, or a step failed.
    """
    name = machine.system()
    environment = Environment(ROOT / ".venv", name)
    held = environment.stamp().kind
    cuda = 0 if held == "cuda" else machine.cuda_of_driver(name)
    choice = machine.choose_kind(name, sys.version_info[:2], cuda, held)
    wanted = wanted_stamp(forced or choice.kind, tests=tests)
    if environment.is_ready(wanted):
        if name == "linux" and (tests or machine.has_display(name)):
            _provide_libraries()
        return environment
    machine.check_processor(name, platform.machine())
    machine.check_libc(name, platform.machine(), platform.libc_ver())
    if not environment.stamp().packages:
        machine.check_room(ROOT, forced or choice.kind)
    if choice.note and forced is None:
        print(choice.note)
    started_s = time.monotonic()
    named = "an NVIDIA GPU" if wanted.kind == "cuda" else "the processor"
    print(f"Setting Expert Studio up for {named}. This takes minutes, and only once.")
    with one_at_a_time(ROOT):
        if not environment.is_ready(wanted):
            environment.prepare(wanted)
    if name == "linux":
        _provide_libraries()
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    window = environment.command("expert-studio")
    print(launcher.write(name, window, ROOT / "resources" / "icons", version))
    print(f"Set up in {duration(time.monotonic() - started_s)}.")
    return environment


def _provide_libraries() -> None:
    said = qt_libraries.provide()
    if said:
        print(said)


def run(environment: Environment, arguments: list[str]) -> int:
    """Opens the window; without a screen, does the first-run task in the terminal."""
    if machine.has_display(machine.system()):
        return _replace_by([str(environment.command("expert-studio")), *arguments])
    print("There is no screen here, so the first task is shown in this terminal instead.")
    print("On a machine with a screen, the same command opens the window.", flush=True)
    return _replace_by([str(environment.command("expert-cli")), "first-run", *arguments])


def _replace_by(command: list[str]) -> int:
    if not Path(command[0]).exists():
        raise Refused(f"{command[0]} is not there.", "", "Delete .venv and run the same command.")
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], command)  # Ctrl-C and signals then reach the app itself
    return subprocess.call(command)


def test(environment: Environment, arguments: list[str]) -> int:
    """Linters and types first, then pytest, whose summary ends the output."""
    python = str(environment.command("python"))
    checks = {
        "ruff check": ["-m", "ruff", "check", "."],
        "ruff format": ["-m", "ruff", "format", "--check", "."],
        "mypy": ["-m", "mypy"],
    }
    failed = []
    for name, check in checks.items():
        print(f"== {name}", flush=True)
        if subprocess.call([python, *check], cwd=ROOT) != 0:
            failed.append(name)
    if failed:
        print(f"== Failed before the tests: {', '.join(failed)}")
    print("== pytest", flush=True)
    tested = subprocess.call([python, "-m", "pytest", *(arguments or WHOLE_SUITE)], cwd=ROOT)
    return tested or (1 if failed else 0)


def main(arguments: list[str]) -> int:
    """The command line of bootstrap.py; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="bootstrap.py", description="Sets Expert Studio up, then opens it or tests it."
    )
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], help="before the command: not what is found"
    )
    parser.add_argument(
        "command",
        choices=["run", "test", "prepare"],
        nargs="?",
        default="run",
        help="run: the window; test: linters and tests; prepare: only set up",
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="for the window, or for pytest")
    chosen = parser.parse_args(arguments)
    try:
        environment = set_up(tests=chosen.command == "test", forced=chosen.device)
        if chosen.command == "run":
            return run(environment, chosen.rest)
        return test(environment, chosen.rest) if chosen.command == "test" else 0
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where it was.", file=sys.stderr)
        return STOPPED
