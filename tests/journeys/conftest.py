"""The window that journeys of the Training page are made in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from expert_studio.core.training.run_folder import list_runs
from tests.core.training import runs
from tests.journeys.training_stage import Stage


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
