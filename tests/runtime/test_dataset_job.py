"""Long work on a dataset in its child: progress, pause, stop, going on, ends of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.errors import ExpertError
from expert_studio.runtime.dataset_job import DatasetJob, JobProgress

WAIT_MS = 120_000
MANY = 30_000


def order(folder: Path, count: int = 40) -> dict[str, Any]:
    request = {"count": count, "seed": 3}
    return {"folder": str(folder), "domain": "cypher", "kind": "sft", "request": request}


class Desk(QObject):
    """One job and what it said."""

    def __init__(self, qtbot: QtBot) -> None:
        super().__init__()
        self._qtbot = qtbot
        self.job = DatasetJob(self)
        self.progress: list[JobProgress] = []
        self.results: list[dict[str, Any]] = []
        self.errors: list[ExpertError] = []
        self.job.progressed.connect(self._on_progress)
        self.job.finished.connect(self._on_finished)
        self.job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_progress(self, progress: JobProgress) -> None:
        self.progress.append(progress)

    @Slot(object)
    def _on_finished(self, result: dict[str, Any]) -> None:
        self.results.append(result)

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self.errors.append(error)

    def until_told(self) -> None:
        self._qtbot.waitUntil(lambda: bool(self.progress), timeout=WAIT_MS)

    def until_ended(self) -> None:
        self._qtbot.waitUntil(lambda: not self.job.running, timeout=WAIT_MS)


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(qtbot)
    yield made
    assert made.job.close()


def is_dataset_work(process: psutil.Process) -> bool:
    """Whether it is the job's child: other tests' children may still be ending beside it."""
    try:
        return "dataset" in process.cmdline()
    except psutil.Error:  # it ended, or is a zombie, between being listed and being asked
        return False


def rows_in(folder: Path) -> int:
    with DatasetStore(folder) as store:
        return store.count()


def test_rows_are_made_and_the_same_order_repeats_none(desk: Desk, tmp_path: Path) -> None:
    desk.job.start("generate", order(tmp_path / "rows"))
    assert desk.job.running
    assert desk.job.work == "generate"
    desk.until_ended()
    desk.job.start("generate", order(tmp_path / "rows"))
    desk.until_ended()
    first, second = desk.results
    assert (first["accepted"], first["repeated"], first["stopped"]) == (40, 0, False)
    assert (second["accepted"], second["repeated"]) == (0, 40)
    assert rows_in(tmp_path / "rows") == 40


def test_paused_work_stands_still_and_stopped_work_keeps_its_rows(
    desk: Desk, tmp_path: Path, qtbot: QtBot
) -> None:
    desk.job.start("generate", order(tmp_path / "rows", MANY))
    desk.until_told()
    desk.job.pause()
    assert desk.job.paused
    qtbot.wait(400)  # what was said before it heard of the pause
    seen = len(desk.progress)
    qtbot.wait(400)
    assert len(desk.progress) == seen
    desk.job.resume()
    qtbot.waitUntil(lambda: len(desk.progress) > seen, timeout=WAIT_MS)
    desk.job.stop()
    desk.until_ended()
    (result,) = desk.results
    assert result["stopped"]
    assert rows_in(tmp_path / "rows") == result["accepted"] < MANY
    assert desk.progress[-1].total == MANY


def test_an_impossible_order_is_a_sentence(desk: Desk, tmp_path: Path) -> None:
    impossible = order(tmp_path / "rows")
    impossible["domain"] = "sanskrit"
    desk.job.start("generate", impossible)
    desk.until_ended()
    (error,) = desk.errors
    assert "sanskrit" in error.what
    assert not desk.results


def test_a_killed_child_is_told_and_its_rows_stay(desk: Desk, tmp_path: Path) -> None:
    desk.job.start("generate", order(tmp_path / "rows", MANY))
    desk.until_told()
    (child,) = (c for c in psutil.Process().children() if is_dataset_work(c))
    child.kill()
    desk.until_ended()
    (error,) = desk.errors
    assert "kept" in error.remedy
    rows_in(tmp_path / "rows")


def test_closing_leaves_no_child(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot)
    desk.job.start("generate", order(tmp_path / "rows", MANY))
    desk.until_told()
    desk.job.close()
    assert not desk.job.running
    assert not desk.errors
