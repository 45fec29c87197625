"""Tries a constraint in a process of its own, so that a hostile one cannot harm this one.

The child makes the grammar and follows it a little way, within limits of time, memory and
stack; what makes it hang, swell or crash is refused here with a sentence.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from expert_studio.core.errors import InferenceError
from expert_studio.core.inference.constraint import MOST_CHARACTERS, Constraint, refused

DEADLINE_S = 10.0
MEMORY_BYTES = 1 << 30
STACK_BYTES = 256 * 1024  # less than any thread here has: 512 KiB for a second one on macOS
MOST_GRAMMAR_BYTES = 8 << 20
GRAMMARS_KEPT = 32


@lru_cache(maxsize=GRAMMARS_KEPT)
def tried_grammar(constraint: Constraint) -> str:
    """llguidance's grammar of a constraint that was tried and does no harm.

    Raises:
        UsageError: it cannot be read, allows no text, or is too large or too complex.
        InferenceError: the trial could not be started.
    """
    most = MOST_CHARACTERS[constraint.kind]
    if len(constraint.source) > most:
        raise refused(constraint, f"It has more than {most:,} characters.")
    if not constraint.source.strip():
        raise refused(constraint, "It is empty.")
    try:
        asked = json.dumps(asdict(constraint), ensure_ascii=False).encode()
    except UnicodeEncodeError as cause:
        raise refused(constraint, "It has characters that are not Unicode text.") from cause
    said = _answer(constraint, asked)
    if "refused" in said:
        raise refused(constraint, said["refused"])
    return said["grammar"]


def _answer(constraint: Constraint, asked: bytes) -> dict[str, str]:
    try:
        child = subprocess.run(
            [sys.executable, "-m", __name__],
            input=asked,
            capture_output=True,
            timeout=DEADLINE_S,
            env=_environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            check=False,
        )
    except subprocess.TimeoutExpired as cause:
        why = f"It took more than {DEADLINE_S:.0f} seconds to compile."
        raise refused(constraint, why) from cause
    except OSError as cause:
        raise InferenceError(
            f"The {constraint.name} could not be tried.", f"{cause.strerror or cause}."
        ) from cause
    if child.returncode == 1 and b"PanicException" not in child.stderr:
        trace = child.stderr.decode(errors="replace")
        raise RuntimeError(f"The trial of a {constraint.name} is defective.\n{trace}")
    if child.returncode != 0 or len(child.stdout) > MOST_GRAMMAR_BYTES:
        raise refused(constraint, "It is too complex.")
    said: dict[str, str] = json.loads(child.stdout)
    return said


def _environment() -> dict[str, str]:
    package_root = str(Path(__file__).resolve().parents[3])
    known = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(part for part in (package_root, known) if part)
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _limit_memory() -> None:
    if sys.platform in ("win32", "darwin"):  # no such limit there; time and stack still hold
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """The child: one constraint as JSON from standard input, what became of it to output."""
    _limit_memory()
    from expert_studio.core.inference.constraint_grammar import GrammarRefusedError, grammar_of

    constraint = Constraint(**json.loads(sys.stdin.buffer.read()))
    threading.stack_size(STACK_BYTES)
    with ThreadPoolExecutor(1) as pool:
        trial = pool.submit(grammar_of, constraint)
    try:
        said = {"grammar": trial.result()}
    except GrammarRefusedError as cause:
        said = {"refused": str(cause)}
    except MemoryError:
        said = {"refused": "It is too complex."}
    sys.stdout.buffer.write(json.dumps(said).encode())


if __name__ == "__main__":
    main()
