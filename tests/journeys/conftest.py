"""What journeys share: the watch on the event loop, the window of the Training page's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from expert_studio.core.training.run_folder import list_runs
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from tests.core.training import runs
from tests.journeys.training_stage import Stage

STUCK_MS = 5_000  # no measure: above it the window would be dead, not slow


@pytest.fixture
def stage(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(qapp, qtbot, tmp_path)
    yield made
    for run in list_runs(made.folders.runs):
        if run.is_alive():
            runs.kill_worker(run)
            runs.until_over(run)
    # a window is not closed in the midst of its first imports
    made.until(lambda: made.studio.loaded_base() is not None)
    made.until(lambda: not made.studio.background.busy)
    made.close()


@pytest.fixture
def watch(capsys: pytest.CaptureFixture[str]) -> Iterator[EventLoopWatch]:
    """Its longest gap in each phase is told; start it where the journey begins."""
    made = EventLoopWatch()
    yield made
    made.stop()
    with capsys.disabled():
        for gap in made.longest():
            print(f"\n  event loop, {gap.phase}: longest gap {gap.gap_ms:.0f} ms", end="")
    assert not made.gaps_over(STUCK_MS)
