"""The thread pool: results on the main thread, failures sorted, order on one thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QThread, Slot
from pytestqt.qtbot import QtBot

from expert_studio.core.errors import CrashReport, StorageError
from expert_studio.runtime.background import Background


class Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.got: list[object] = []
        self.on_main: list[bool] = []

    @Slot(object)
    def take(self, result: object) -> None:
        self.got.append(result)
        self.on_main.append(QThread.currentThread() is self.thread())


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[Background]:
    made = Background(threads=1)
    yield made
    assert made.close()


def test_result_arrives_on_the_main_thread(background: Background, qtbot: QtBot) -> None:
    receiver = Receiver()
    background.run(pow, 2, 10, on_done=receiver.take)
    qtbot.waitUntil(lambda: receiver.got == [1024])
    assert receiver.on_main == [True]


def test_one_thread_keeps_the_order(background: Background, qtbot: QtBot) -> None:
    receiver = Receiver()
    done: list[int] = []
    for number in range(20):
        background.run(done.append, number, on_done=receiver.take)
    qtbot.waitUntil(lambda: len(receiver.got) == 20)
    assert done == list(range(20))
    assert not background.busy


def _refuse() -> None:
    raise StorageError("The disk is full.")


def test_expected_failure_goes_to_the_slot_named(background: Background, qtbot: QtBot) -> None:
    receiver = Receiver()
    background.run(_refuse, on_failed=receiver.take)
    qtbot.waitUntil(lambda: len(receiver.got) == 1)
    assert isinstance(receiver.got[0], StorageError)


def test_expected_failure_without_a_slot_is_announced(background: Background, qtbot: QtBot) -> None:
    with qtbot.waitSignal(background.failed) as told:
        background.run(_refuse)
    assert str(told.args[0]) == "The disk is full."


def test_defect_is_reported_as_one(background: Background, qtbot: QtBot) -> None:
    with qtbot.waitSignal(background.crashed) as told:
        background.run(divmod, 1, 0, on_failed=Receiver().take)
    report = told.args[0]
    assert isinstance(report, CrashReport)
    assert report.summary.startswith("ZeroDivisionError")
    assert "divmod" in report.where


def test_destroyed_receiver_is_left_alone(background: Background, qtbot: QtBot) -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        go_on.wait(5)

    receiver, after = Receiver(), Receiver()
    background.run(wait, on_done=receiver.take)
    started.wait(5)
    receiver.deleteLater()
    qtbot.wait(20)
    go_on.set()
    background.run(int, on_done=after.take)
    qtbot.waitUntil(lambda: after.got == [0])


def test_close_waits_and_delivers_nothing_more(qtbot: QtBot) -> None:
    background, receiver = Background(threads=1), Receiver()
    done: list[bool] = []

    def work() -> None:
        time.sleep(0.05)
        done.append(True)

    background.run(work, on_done=receiver.take)
    background.run(work, on_done=receiver.take)
    assert background.close()
    assert done == [True, True]
    qtbot.wait(20)
    assert receiver.got == []
