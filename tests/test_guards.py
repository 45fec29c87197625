"""The guards of conftest.py do catch what they are there for.

Each breach is a test of its own in a pytest of its own, under the project's own
configuration and conftest, so that its failure can be read.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

BREACHES = """
import socket, subprocess, sys, threading, time, warnings

import pytest
from PySide6.QtCore import QObject, QThread, QTimer, qWarning

kept = []


def test_reaches_a_host_and_hides_it():
    try:
        socket.create_connection(("192.0.2.1", 80))
    except Exception:
        pass


def test_asks_for_a_name_and_hides_it():
    try:
        socket.getaddrinfo("example.invalid", 443)
    except Exception:
        pass


def test_leaves_a_thread():
    threading.Thread(target=time.sleep, args=(9,), name="stray", daemon=True).start()


def test_leaves_a_timer(qapp):
    kept.append(QTimer(qapp))
    kept[-1].start(1000)


def test_leaves_a_qthread(qapp):
    kept.append(QThread(qapp))
    kept[-1].setObjectName("lane")
    kept[-1].start()


def test_leaves_a_child():
    kept.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(9)"]))


def test_warns():
    warnings.warn("old habit", DeprecationWarning)


def test_makes_qt_complain():
    qWarning(b"stray message")


@pytest.fixture
def complaining_end():
    yield
    qWarning(b"late message")


def test_makes_qt_complain_at_the_end(complaining_end):
    pass


def test_raises_in_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()


@pytest.fixture(scope="module", autouse=True)
def _end():
    yield
    kept[1].quit()
    kept[1].wait()
    kept[2].kill()
    kept[2].wait()
"""

COMPLAINTS = {
    "test_reaches_a_host_and_hides_it": "reached for other hosts: 192.0.2.1",
    "test_asks_for_a_name_and_hides_it": "reached for other hosts: example.invalid",
    "test_leaves_a_thread": "thread 'stray'",
    "test_leaves_a_timer": "QTimer '' started at",
    "test_leaves_a_qthread": "QThread 'lane' started at",
    "test_leaves_a_child": "process ",
    "test_warns": "old habit",
    "test_makes_qt_complain": "stray message",
    "test_makes_qt_complain_at_the_end": "late message",
    "test_raises_in_a_thread": "ZeroDivisionError",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of the breaches."""
    folder = tmp_path_factory.mktemp("breaches")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
    (folder / "tests" / "test_breaches.py").write_text(BREACHES, encoding="utf-8")
    (folder / "tests" / "__init__.py").touch()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rEf", "tests"]
    environment = {**os.environ, "EXPERT_STUDIO_TEST_GRACE_S": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", COMPLAINTS)
def test_breach_is_caught(name: str, report: str) -> None:
    lines = [
        line
        for line in report.splitlines()
        if line.startswith(("FAILED", "ERROR")) and f"::{name} " in f"{line} "
    ]
    assert lines, report
    sections = report.split("\n____")
    assert any(name in part and COMPLAINTS[name] in part for part in sections), report


def test_loopback_stays_open() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        client.sendall(b"hello")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(5) == b"hello"


def test_every_test_has_an_empty_home(studio_home: Path) -> None:
    from expert_studio.core.settings import Folders

    assert Folders.default().data == studio_home.resolve()
    assert list(studio_home.iterdir()) == []
