"""A child process that waits for a command: one engine of a benchmark, or its preparation.

Knows the child's protocol (`core.inference.engine_bench_child`), nothing of what is asked.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import expert_studio
from expert_studio.core.errors import InferenceError

# Ours is looked for last: a peer's interpreter has its own numpy.
BOOT = (
    "import runpy, sys; sys.path.append(sys.argv[1]); "
    "runpy.run_module(sys.argv[2], run_name='__main__', alter_sys=True)"
)
SOURCE_ROOT = Path(expert_studio.__file__).resolve().parents[1]
GRACE_S = 5.0  # from the end of stdin to the end by force
MOST_SAID = 300  # characters of a failure
RAISED = re.compile(r"[A-Za-z_.]+: ")  # the line of a traceback that says what it was


class EngineProcess:
    """One child. A context manager: at its end the child has ended."""

    def __init__(self, name: str, python: str, module: str, scratch: Path, threads: int) -> None:
        """scratch: the folder the child works in and its stderr is kept in.

        Raises:
            InferenceError: the interpreter cannot be started.
        """
        self.name = name
        self._errors = scratch / f"{name}.log"
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONIOENCODING": "utf-8",
        }
        try:
            with self._errors.open("wb") as errors:
                self._child = subprocess.Popen(
                    [python, "-c", BOOT, str(SOURCE_ROOT), module],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    cwd=scratch,
                    env=environment,
                    encoding="utf-8",
                    start_new_session=True,  # Ctrl-C is ours to hear
                )
        except OSError as cause:
            raise InferenceError(f"{python} could not be started.", f"{cause}.") from cause

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._child.kill()
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with suppress(BrokenPipeError):  # it has ended already
            self._child.stdin.close()
        try:
            self._child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()

    def ask(self, what: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One command, and its answer.

        Raises:
            InferenceError: the child failed; the sentence ends with its last words.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(json.dumps({"do": what, **request}) + "\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
            answer = json.loads(line) if line else None
        except (BrokenPipeError, ValueError):
            answer = None
        if not isinstance(answer, dict):
            raise InferenceError(
                f"{self.name} could not {what} in the benchmark.", self._last_words()
            )
        return answer

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(GRACE_S)  # a traceback comes after the pipe is closed
        said = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raised = [line for line in said if RAISED.match(line)]
        last = (raised or said or ["Its process ended without a word."])[-1]
        if last.startswith("expert_studio."):
            last = last.partition(": ")[2]  # a sentence of ours needs no class before it
        return last[:MOST_SAID]


def knows(python: str, *modules: str) -> bool:
    """Whether an interpreter finds these modules; none is imported."""
    check = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))"
    try:
        asked = subprocess.run(
            [python, "-c", check, *modules],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    return asked.returncode == 0


def own_python() -> str:
    """The interpreter that runs us."""
    return sys.executable
