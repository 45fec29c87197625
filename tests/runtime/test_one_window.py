"""Two starts on one data folder: the second raises the first; a crash leaves nothing locked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pytestqt.qtbot import QtBot

from expert_studio.runtime.one_window import LOCK_NAME, OneWindow

HOLDER = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from expert_studio.runtime.one_window import OneWindow
application = QCoreApplication([])
holder = OneWindow(Path(sys.argv[1]))
print(holder.take(), flush=True)
time.sleep(600)
"""


ASKER = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from expert_studio.runtime.one_window import OneWindow
application = QCoreApplication([])
asker = OneWindow(Path(sys.argv[1]))
print(asker.take(), asker.raise_other())
"""


def test_a_second_start_raises_the_first(qtbot: QtBot, tmp_path: Path) -> None:
    first, second = OneWindow(tmp_path), OneWindow(tmp_path)
    assert first.take()
    assert not second.take()
    assert second.holder() == os.getpid()
    with qtbot.waitSignal(first.raise_wanted, timeout=30_000):
        child = subprocess.Popen(
            [sys.executable, "-c", ASKER, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
    answered, _ = child.communicate(timeout=60)
    assert answered.strip() == "False True"
    first.close()
    assert second.take()
    second.close()


def test_what_a_crash_left_is_taken_over(qtbot: QtBot, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "True"
    mine = OneWindow(tmp_path)
    assert not mine.take()
    assert mine.holder() == child.pid
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=60)
    child.stdout.close()
    assert (tmp_path / LOCK_NAME).exists()
    assert mine.take()
    mine.close()
    assert not (tmp_path / LOCK_NAME).exists()


def test_two_folders_are_two_windows(tmp_path: Path, qtbot: QtBot) -> None:
    one, other = OneWindow(tmp_path / "a"), OneWindow(tmp_path / "b")
    assert one.take()
    assert other.take()
    one.close()
    other.close()
