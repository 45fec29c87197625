"""Scores a finished run in a child process that can be ended. Lives on the main thread.

The child is `expert-cli evaluate`: it loads the base a second time, beside the one that
answers in the window, and gives its memory back when it ends.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal, Slot

from expert_studio.core.errors import ExpertError, TrainingError

CLOSE_LIMIT_MS = 5_000


class TrainingEvaluation(QObject):
    """One evaluation at a time.

    Signals:
        told(str): a line of progress.
        finished(str): the run that was scored; its figures are in its folder.
        failed(ExpertError): the sentence to show.
        ended(): after each of the two, and after `stop`.
    """

    told = Signal(str)
    finished = Signal(str)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, data: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._data = data
        self._process: QProcess | None = None
        self._run = ""
        self._stopped = False

    @property
    def run(self) -> str:
        """The run that is being scored, or ""."""
        return self._run

    def start(self, run: str) -> None:
        """Begins; ignored while another one goes on."""
        if self._process is not None:
            return
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("EXPERT_STUDIO_HOME", str(self._data))
        environment.insert("OMP_WAIT_POLICY", "PASSIVE")
        root = str(Path(__file__).resolve().parents[2])
        known = environment.value("PYTHONPATH", "")
        environment.insert("PYTHONPATH", os.pathsep.join(part for part in (root, known) if part))
        process.setProcessEnvironment(environment)
        process.readyReadStandardError.connect(self._on_told)
        process.errorOccurred.connect(self._on_error)
        process.finished.connect(self._on_finished)
        self._process, self._run, self._stopped = process, run, False
        arguments = [] if getattr(sys, "frozen", False) else ["-m", "expert_studio"]
        process.start(sys.executable, [*arguments, "--cli", "evaluate", run, "--json"])

    def stop(self) -> None:
        """Ends it without a score; `ended` follows."""
        if self._process is not None:
            self._stopped = True
            self._process.kill()

    def close(self) -> bool:
        """Ends it. Call before the application ends."""
        process, self._process = self._process, None
        if process is None:
            return True
        process.blockSignals(True)
        process.kill()
        return process.waitForFinished(CLOSE_LIMIT_MS)

    @Slot()
    def _on_told(self) -> None:
        if self._process is not None:
            said = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
            for line in said.splitlines()[-1:]:
                self.told.emit(line)

    @Slot(QProcess.ProcessError)
    def _on_error(self, problem: QProcess.ProcessError) -> None:
        if problem == QProcess.ProcessError.FailedToStart:
            self._end(
                TrainingError(
                    "The evaluation could not start.",
                    "Python could not be started a second time.",
                    "Set Expert Studio up again, then try once more.",
                )
            )

    @Slot(int, QProcess.ExitStatus)
    def _on_finished(self, code: int, _status: QProcess.ExitStatus) -> None:
        if self._process is None:
            return
        said = bytes(self._process.readAllStandardOutput().data()).decode("utf-8", "replace")
        self._end(None if code == 0 else _as_error(said, code))

    def _end(self, error: ExpertError | None) -> None:
        process, self._process = self._process, None
        run, self._run = self._run, ""
        if process is not None:
            process.deleteLater()
        if error is None:
            self.finished.emit(run)
        elif not self._stopped:
            self.failed.emit(error)
        self.ended.emit()


def _as_error(said: str, code: int) -> ExpertError:
    try:
        told: dict[str, Any] = json.loads(said)["error"]
        return TrainingError(told["what"], told["why"], told["remedy"])
    except (ValueError, KeyError, TypeError):
        return TrainingError(
            "The evaluation ended early.", f"Its process ended with code {code}.", "Try again."
        )
