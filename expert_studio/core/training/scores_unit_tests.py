"""An answer's function put to the unit test of its row, in a child process that can be killed.

Only tests that our own generator makes again are run (`offline_proof`); a test of anybody
else's row, of a package or of an imported dataset, is never run, and the row is scored by its
syntax alone. The answer itself is a model's and not trusted: it may only be functions and
classes over a few names (`fault`), and runs in an interpreter that sees no packages and no
environment, in an empty folder, with limits on time, memory and files.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.offline_proof import proven_test
from expert_studio.core.training.scores_code import read_check, unfenced

CPU_S = 2
DEADLINE_S = 10.0  # by the clock, on a machine with much else to do
MEMORY_BYTES = 512 << 20
PROGRAM = Path(__file__).with_name("scores_unit_tests_child.py")
IMPORTS = {
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "functools": {"reduce"},
    "itertools": {"accumulate", "chain", "groupby", "islice", "pairwise", "product", "takewhile"},
    "math": {"ceil", "floor", "gcd", "inf", "isqrt", "pi", "prod", "sqrt"},
    "typing": {"Any", "Optional"},
}
_FORBIDDEN = frozenset({
    "breakpoint", "compile", "delattr", "eval", "exec", "exit", "format_map", "getattr",
    "globals", "locals", "memoryview", "mro", "open", "quit", "setattr", "super",
})  # fmt: skip
# attributes by which Python leads from a value to its interpreter
_LEADING = ("__", "gi_", "cr_", "ag_", "tb_", "f_", "co_", "func_")


def can_run() -> bool:
    """Whether this machine can hold a child to limits: a POSIX system and a Python of its own."""
    return sys.platform != "win32" and not getattr(sys, "frozen", False)


def runnable_test(example: Example) -> str:
    """The unit test that may be run for a row; "" where there is none, or none of ours."""
    return proven_test(example) if can_run() else ""


def has_foreign_test(example: Example) -> bool:
    """Whether a row brings a unit test that is not ours, and so is not run."""
    return bool(read_check(example.check).get("test")) and not runnable_test(example)


def passes(answer: str, test: str) -> bool:
    """Whether the answer's functions pass a test of ours. Blocks for `DEADLINE_S` at most."""
    said = unfenced(answer)
    if fault(said) is not None:
        return False
    asked = json.dumps(
        {"answer": said, "test": test, "cpu_s": CPU_S, "memory_bytes": MEMORY_BYTES}
        | {"imports": {name: sorted(parts) for name, parts in IMPORTS.items()}}
    )
    with tempfile.TemporaryDirectory(prefix="expert-studio-test-") as folder:
        try:
            child = subprocess.run(
                [sys.executable, "-I", "-S", "-B", str(PROGRAM)],
                input=asked.encode(errors="replace"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=DEADLINE_S,
                cwd=folder,
                env={},
                start_new_session=True,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError):
            return False
    return child.returncode == 0


def fault(answer: str) -> str | None:
    """None where an answer may be run, otherwise a clause that says what stands against it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(answer)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "it is not Python"
    for part in tree.body:
        if not isinstance(part, ast.FunctionDef | ast.ClassDef | ast.ImportFrom):
            return "it has more than functions and classes"
    return next((said for node in ast.walk(tree) if (said := _node_fault(node))), None)


def _node_fault(node: ast.AST) -> str | None:
    if isinstance(node, ast.Import):
        return "it imports a whole module"
    if isinstance(node, ast.ImportFrom):
        known = IMPORTS.get(node.module or "", set()) if node.level == 0 else set()
        strange = [part.name for part in node.names if part.name not in known]
        return f"it imports {strange[0]}" if strange else None
    if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.Global):
        return "it is more than a function"
    name = _name(node)
    if name in _FORBIDDEN or (name.startswith(_LEADING) and name not in ("__init__", "__len__")):
        return f"it names {name}"
    return None


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    return ""
