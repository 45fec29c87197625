"""The child of `scores_unit_tests`: limits itself, then puts one answer to one test.

Started as a file in an isolated interpreter, so that it imports nothing of ours. Exit status
0 is a pass, anything else is none.
"""

from __future__ import annotations

import builtins
import importlib
import json
import resource
import sys
from types import CodeType, ModuleType
from typing import Any

_NAMES = (
    "abs all any bool bytes callable chr dict divmod enumerate filter float frozenset hash hex "
    "int isinstance iter len list map max min next ord pow print property range repr reversed "
    "round set slice sorted str sum tuple zip True False None __build_class__ "
    "ArithmeticError AssertionError AttributeError Exception IndexError KeyError LookupError "
    "OverflowError StopIteration TypeError ValueError ZeroDivisionError"
)
_REFUSED = ("open", "socket", "subprocess", "os", "ctypes", "import", "shutil", "sys", "pty")


def main() -> None:
    asked = json.loads(sys.stdin.buffer.read())
    allowed = {name: importlib.import_module(name) for name in asked["imports"]}
    written = compile(asked["answer"], "<answer>", "exec")
    test = compile(asked["test"], "<test>", "exec")
    _limit(asked["cpu_s"], asked["memory_bytes"])
    sys.addaudithook(_refuse)
    space: dict[str, Any] = {"__name__": "answer", "__builtins__": _builtins(allowed)}
    _run(written, space)
    # the test sees the answer's names, and no other meaning of its own words
    own = {name: value for name, value in space.items() if not hasattr(builtins, name)}
    _run(test, own | {"__name__": "test", "__builtins__": _builtins({})})


def _run(code: CodeType, space: dict[str, Any]) -> None:
    exec(code, space)  # noqa: S102 - what this process is for; see `scores_unit_tests`


def _limit(cpu_s: int, memory_bytes: int) -> None:
    for name, most in (
        ("RLIMIT_CPU", cpu_s),
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", 3),
        ("RLIMIT_NPROC", 0),
        ("RLIMIT_CORE", 0),
    ):
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        asked = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (asked, asked))
        except (ValueError, OSError):  # a system that has the limit but does not take it
            continue


def _refuse(event: str, _arguments: Any) -> None:
    """Once set, a hook stays: files, sockets, processes and foreign code are out of reach."""
    if event.partition(".")[0] in _REFUSED:
        raise PermissionError(event)


def _builtins(allowed: dict[str, ModuleType]) -> dict[str, Any]:
    def given(name: str, *_more: Any) -> ModuleType:
        return allowed[name]

    known = {name: getattr(builtins, name) for name in _NAMES.split()}
    return known | {"__import__": given, "print": _silent}


def _silent(*_said: Any, **_how: Any) -> None:
    """What an answer prints is read by nobody."""


if __name__ == "__main__":
    main()
