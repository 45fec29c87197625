"""Widgets in cycles are destroyed on the main thread, whatever other threads allocate."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import pytest
from PySide6.QtCore import QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from expert_studio.runtime import cycle_collector
from expert_studio.runtime.cycle_collector import TURN_S, CycleCollector


class Ticking(QObject):
    """An object with a running timer that only a collection can end."""

    def __init__(self, ended_on: list[int]) -> None:
        super().__init__()
        self.own = self  # the cycle
        self.timer = QTimer(self)
        self.timer.start(1)
        weakref.finalize(self, lambda: ended_on.append(threading.get_ident()))


def allocate_much() -> None:
    kept = [[] for _ in range(50_000)]
    del kept


def test_no_other_thread_collects(qapp: QApplication, qtbot: QtBot) -> None:
    collector = CycleCollector()
    collector.start()
    ended_on: list[int] = []
    try:
        assert not gc.isenabled()
        Ticking(ended_on)
        thread = threading.Thread(target=allocate_much)
        thread.start()
        thread.join()
        assert not ended_on
        kept = [[] for _ in range(2 * gc.get_threshold()[0])]  # a collection is due by now
        qtbot.waitUntil(lambda: bool(ended_on), timeout=10_000)
    finally:
        collector.close()
    assert kept
    assert ended_on == [threading.get_ident()]
    assert QThread.currentThread() is qapp.thread()


def test_what_outlives_a_long_collection_is_not_looked_at_again(
    qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cycle_collector, "LONG_S", 0.0)
    thresholds = gc.get_threshold()
    collector = CycleCollector()
    collector.start()
    try:
        gc.set_threshold(thresholds[0], 1, 1)
        kept = [[] for _ in range(1_000)]
        while not gc.get_freeze_count():
            kept += [[] for _ in range(2 * thresholds[0])]
            qtbot.wait(1)
    finally:
        gc.set_threshold(*thresholds)
        collector.close()
    assert kept


def test_collecting_is_handed_back_as_it_was(qapp: QApplication) -> None:
    collector = CycleCollector()
    before, usual_s = gc.isenabled(), sys.getswitchinterval()
    try:
        for enabled in (True, False):
            gc.enable() if enabled else gc.disable()
            collector.start()
            collector.settle()
            assert gc.get_freeze_count() > 0
            assert sys.getswitchinterval() == pytest.approx(TURN_S)
            collector.close()
            assert sys.getswitchinterval() == pytest.approx(usual_s)
            assert gc.isenabled() is enabled
            assert gc.get_freeze_count() == 0
    finally:
        gc.enable() if before else gc.disable()
