"""What every test may rely on, and what makes any test fail.

Knows nothing of the parts under test. Each test gets a data folder of its own, an
offscreen screen, two cores and no network but loopback; it fails when it leaves a
thread, a timer or a child process behind, or reaches for another host. Python
warnings and stray Qt messages fail it too: pyproject.toml says so to pytest.
"""

from __future__ import annotations

import gc
import inspect
import itertools
import os
import re
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    # beside another process of the suite, one: two processes of two threads wait for one another
    os.environ.setdefault(threads, "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
# Threads that wait must sleep: spinning ones make a busy machine several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# A developer's own keys are no test data, and a locked keyring would ask for a password.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
os.environ.pop("HF_TOKEN", None)

import hypothesis  # noqa: E402
import pytest  # noqa: E402

# The same examples on every machine, and no example fails for being slow on a busy one.
hypothesis.settings.register_profile("studio", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("studio")

# a thread or process told to end may still be unwinding, and torch unwinds for seconds
COLLECT_EVERY = 25  # tests; a full collection takes a tenth of a second once torch is there
GRACE_S = float(os.environ.get("EXPERT_STUDIO_TEST_GRACE_S", "15"))


@pytest.fixture(scope="session", autouse=True)
def _hub_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The hub's cache is empty, whatever the developer has downloaded."""
    os.environ["HF_HOME"] = str(tmp_path_factory.mktemp("hub"))


@pytest.fixture(autouse=True)
def studio_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of this test: empty, its own, and what `Folders.default()` finds."""
    home = tmp_path_factory.mktemp("studio-home")
    monkeypatch.setenv("EXPERT_STUDIO_HOME", str(home))
    # a window's settings may switch the network off; the next test finds it as it was
    monkeypatch.setenv("EXPERT_STUDIO_OFFLINE_CHOSEN", "")
    return home


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a `gpu` test that was asked for on a machine without one."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device on this machine")


# --- the network ---------------------------------------------------------------------


class BlockedHostError(RuntimeError):
    """A test reached for a host that is not this machine.

    Not an OSError: code that shrugs off an ordinary network failure must not hide it.
    """


_reached: list[str] = []
_real_connect = socket.socket.connect
_real_connect_ex = socket.socket.connect_ex
_real_sendto = socket.socket.sendto
_real_getaddrinfo = socket.getaddrinfo
_real_gethostbyname = socket.gethostbyname


def _is_here(host: Any) -> bool:
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost", "::1", "0.0.0.0", "::", socket.gethostname()):
        return True
    return str(host).startswith("127.")


def _refuse_unless_here(host: Any) -> None:
    if not _is_here(host):
        _reached.append(str(host))
        raise BlockedHostError(f"Tests may reach this machine only, not {host!r}.")


def _checked(real: Callable[..., Any], address_at: int) -> Callable[..., Any]:
    def method(self: socket.socket, *args: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_unless_here(args[address_at][0])
        return real(self, *args)

    return method


def _looked_up(real: Callable[..., Any]) -> Callable[..., Any]:
    def function(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_unless_here(host)
        return real(host, *args, **kwargs)

    return function


@pytest.fixture(scope="session", autouse=True)
def _only_this_machine() -> Iterator[None]:
    """Closes every way out of this process but loopback and local sockets."""
    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", _checked(_real_connect, 0))
    patch.setattr(socket.socket, "connect_ex", _checked(_real_connect_ex, 0))
    patch.setattr(socket.socket, "sendto", _checked(_real_sendto, -1))
    patch.setattr(socket, "getaddrinfo", _looked_up(_real_getaddrinfo))
    patch.setattr(socket, "gethostbyname", _looked_up(_real_gethostbyname))
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def hosts_reached() -> Iterator[list[str]]:
    """Fails a test that reached for another host, even if its code hid the refusal."""
    _reached.clear()
    yield _reached
    assert not _reached, f"reached for other hosts: {', '.join(_reached)}"


# --- what a test leaves behind -------------------------------------------------------

_started: dict[int, tuple[weakref.ref[Any], str]] = {}
_late_messages: list[str] = []


def _remember_start(qt_class: Any) -> None:
    """Has `qt_class.start` note who started the object, for the complaint to name."""
    real_start = qt_class.start

    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        here = inspect.currentframe()  # a whole traceback reads source files: 8 ms each
        caller = here.f_back if here else None
        where = f"{caller.f_code.co_filename}:{caller.f_lineno}" if caller else "nobody knows"
        _started[id(self)] = (weakref.ref(self), where)
        return real_start(self, *args, **kwargs)

    qt_class.start = start


def pytest_configure(config: pytest.Config) -> None:
    """Watches Qt's threads, timers and messages from before the first of them."""
    from PySide6.QtCore import QThread, QThreadPool, QTimer, qInstallMessageHandler

    for qt_class in (QThread, QTimer, QThreadPool):
        _remember_start(qt_class)
    ignored = [re.compile(pattern) for pattern in config.getini("qt_log_ignore")]

    def keep_late_message(level: Any, context: Any, message: str) -> None:
        serious = level.name not in {"QtDebugMsg", "QtInfoMsg"}
        if serious and not any(pattern.search(message) for pattern in ignored):
            _late_messages.append(message)
        print(f"Qt: {message}", file=sys.stderr)

    # pytest-qt listens while a test runs; this hears what is said as its fixtures end.
    qInstallMessageHandler(keep_late_message)
    # As in the app (runtime.cycle_collector): no thread but this one destroys a widget.
    gc.disable()


_ended = itertools.count(1)


def pytest_runtest_teardown() -> None:
    """Collects cycles here, on the main thread."""
    gc.collect(2 if next(_ended) % COLLECT_EVERY == 0 else 1)


def _is_busy(started: Any) -> bool:
    from PySide6.QtCore import QThread, QThreadPool

    if isinstance(started, QThread):
        return started.isRunning()
    if isinstance(started, QThreadPool):
        return started.activeThreadCount() > 0
    return bool(started.isActive())


def _busy_qt_objects() -> dict[int, str]:
    """Threads, pools and timers of Qt now going: what each is and where it was started."""
    import shiboken6

    busy = {}
    for key, (reference, where) in list(_started.items()):
        started = reference()
        if started is None or not shiboken6.isValid(started):
            del _started[key]
        elif _is_busy(started):
            name = started.objectName()
            busy[key] = f"{type(started).__name__} {name!r} started at {where}"
    return busy


def _python_threads() -> dict[int, str]:
    """Python's threads but Qt's own, which stay listed as dummies after they ended."""
    return {
        id(thread): f"thread {thread.name!r} running {getattr(thread, '_target', None)!r}"
        for thread in threading.enumerate()
        if not isinstance(thread, threading._DummyThread)
    }


def _child_processes() -> dict[int, str]:
    import psutil

    children = {}
    for child in psutil.Process().children():
        try:
            command = " ".join(child.cmdline())
            ended = child.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            continue
        # multiprocessing keeps one tracker for the life of the interpreter
        if not ended and "multiprocessing.resource_tracker" not in command:
            children[child.pid] = f"process {child.pid}: {command}"
    return children


def _running() -> dict[tuple[str, int], str]:
    kinds = {"qt": _busy_qt_objects(), "python": _python_threads(), "child": _child_processes()}
    return {(kind, key): what for kind, found in kinds.items() for key, what in found.items()}


def _deliver_deferred_deletes() -> None:
    """Deletes the widgets the test closed: their timers stop with them."""
    if "PySide6.QtWidgets" not in sys.modules:
        return
    from PySide6.QtCore import QCoreApplication, QEvent

    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        QCoreApplication.processEvents()


@pytest.fixture(autouse=True)
def _nothing_left_running(studio_home: Path) -> Iterator[None]:
    """Fails a test after which something still runs that did not before, by name."""
    before = _running()
    _late_messages.clear()
    yield
    deadline = time.monotonic() + GRACE_S
    left: list[str] = []
    while True:
        _deliver_deferred_deletes()
        left = [what for key, what in _running().items() if key not in before]
        if not left or time.monotonic() > deadline:
            break
        gc.collect()
        time.sleep(0.02)
    assert not left, "left running: " + "; ".join(left)
    assert not _late_messages, "Qt said while the test ended: " + "; ".join(_late_messages)
