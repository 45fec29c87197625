"""Brings torch's native library into the process without holding the interpreter's lock.

Importing torch loads a library of several hundred megabytes in one call that holds the lock,
and the window stands still for a third of a second. The same call made through ctypes gives
the lock away meanwhile; the import then finds the library in the process. Knows nothing of
torch's Python side, and never fails: what cannot be brought, the import loads itself.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHORT_TURN_S = 0.0005
LIBRARIES = ("libc10", "libtorch_cpu", "libtorch_python")  # each needs those before it


def bring_library() -> tuple[str, ...]:
    """Loads what it can; returns the names of the files. Windows resolves names otherwise: none."""
    if os.name == "nt" or "torch" in sys.modules:
        return ()
    found = importlib.util.find_spec("torch")
    if found is None or not found.submodule_search_locations:
        return ()
    folder = Path(next(iter(found.submodule_search_locations))) / "lib"
    ending = ".dylib" if sys.platform == "darwin" else ".so"
    load = ctypes.CDLL(None).dlopen
    load.restype = ctypes.c_void_p
    files = (folder / (name + ending) for name in LIBRARIES)
    return tuple(file.name for file in files if load(os.fsencode(file), os.RTLD_NOW))


@contextmanager
def short_turns() -> Iterator[None]:
    """Threads take turns ten times as often meanwhile.

    A thread that paints gives the lock away at every call into Qt and waits a whole turn,
    5 ms, to have it back from a thread that imports: a second for what takes a tenth of one.
    """
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SHORT_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)
