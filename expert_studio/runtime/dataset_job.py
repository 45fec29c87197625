"""Long work on a dataset, in a child process that the window can pause and stop.

Making, checking and splitting rows is Python from end to end: on a thread of the window's
process it would hold the interpreter lock that painting needs. The child writes into the
dataset itself; only progress comes back, one line of JSON each. Lives on the main thread
and knows nothing of what is worked on (`commands.dataset_worker` does).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal, Slot

from expert_studio.core.errors import CrashReport, DatasetError, ExpertError

ARGUMENTS = ("-m", "expert_studio", "--worker", "dataset")
CLOSE_LIMIT_MS = 5_000
_RATE_OVER_S = 10.0  # a rate of the last moments alone jumps, one since the start is late


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far the work is.

    Attributes:
        total: None while nobody knows.
        per_s: units a second of late; 0 while not known.
        seconds_left: None while not known.
        facts: what this kind of work tells beside it ("accepted", "spent_usd", ...).
    """

    done: int
    total: int | None
    per_s: float
    seconds_left: float | None
    facts: Mapping[str, Any] = field(default_factory=dict)


class DatasetJob(QObject):
    """One piece of work at a time.

    Signals:
        started(str): the name of the work.
        progressed(JobProgress): at most ten a second.
        finished(object): what the work returns, a dict.
        failed(ExpertError): the sentence to show; what was done so far is kept.
        crashed(CrashReport): it ended in a defect.
        ended(): after each of the three, when other work may start.
    """

    started = Signal(str)
    progressed = Signal(object)
    finished = Signal(object)
    failed = Signal(object)
    crashed = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = ""
        self._paused = False
        self._stopping = False
        self._process: QProcess | None = None
        self._told_end = False
        self._heard = b""
        self._marks: list[tuple[float, int]] = []  # monotonic seconds, units done

    @property
    def work(self) -> str:
        """The name of the work under way, or ""."""
        return self._work

    @property
    def running(self) -> bool:
        """Whether work is under way, paused or not."""
        return self._process is not None

    @property
    def paused(self) -> bool:
        return self.running and self._paused

    @property
    def stopping(self) -> bool:
        return self.running and self._stopping

    def start(self, work: str, order: Mapping[str, Any]) -> None:
        """Begins work; ignored while other work runs.

        `order` is JSON. It goes through a pipe, so that keys in it are seen by no other
        program.
        """
        if self.running:
            return
        self._work, self._paused, self._stopping, self._told_end = work, False, False, False
        self._heard, self._marks = b"", []
        process = QProcess(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.SeparateChannels)
        process.readyReadStandardOutput.connect(self._on_heard)
        process.errorOccurred.connect(self._on_error)
        process.finished.connect(self._on_process_finished)
        self._process = process
        process.start(sys.executable, list(ARGUMENTS))
        self._say({"work": work, **order})
        self.started.emit(work)

    def pause(self) -> None:
        if self.running:
            self._paused = True
            self._marks = []
            self._say("pause")

    def resume(self) -> None:
        if self.running:
            self._paused = False
            self._say("resume")

    def stop(self) -> None:
        """Ends it after its next row; what is done is kept and `finished` follows."""
        if self.running:
            self._stopping = True
            self._say("stop")

    def close(self) -> bool:
        """Stops and waits for the child. Call before the application ends."""
        process = self._process
        if process is None:
            return True
        process.blockSignals(True)
        self._say("stop")
        process.closeWriteChannel()
        ended = process.waitForFinished(CLOSE_LIMIT_MS)
        if not ended:
            process.kill()
            process.waitForFinished(CLOSE_LIMIT_MS)
        self._release()
        return ended

    def _say(self, message: object) -> None:
        if self._process is not None:
            self._process.write(json.dumps(message).encode() + b"\n")

    def _release(self) -> None:
        if self._process is not None:
            self._process.deleteLater()
        self._process, self._work = None, ""

    @Slot()
    def _on_heard(self) -> None:
        if self._process is None:
            return
        self._heard += bytes(self._process.readAllStandardOutput().data())
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, said: dict[str, Any]) -> None:
        match said.pop("event"):
            case "progress":
                self.progressed.emit(self._measured(said))
            case "finished":
                self._told_end = True
                self.finished.emit(said["result"])
            case "failed":
                self._told_end = True
                self.failed.emit(DatasetError(said["what"], said["why"], said["remedy"]))
            case "crashed":
                self._told_end = True
                self.crashed.emit(CrashReport(said["summary"], said["trace"], said["where"]))

    def _measured(self, said: dict[str, Any]) -> JobProgress:
        done, total = int(said["done"]), said["total"]
        now_s = time.monotonic()
        if self._marks and done < self._marks[-1][1]:
            self._marks = []  # another step of the same work
        self._marks.append((now_s, done))
        while len(self._marks) > 2 and now_s - self._marks[1][0] > _RATE_OVER_S:
            self._marks.pop(0)
        since_s, before = self._marks[0]
        per_s = (done - before) / (now_s - since_s) if now_s - since_s > 0.5 else 0.0
        left = (total - done) / per_s if total is not None and per_s > 0 else None
        return JobProgress(done, total, per_s, left, said["facts"])

    @Slot(QProcess.ProcessError)
    def _on_error(self, problem: QProcess.ProcessError) -> None:
        if problem == QProcess.ProcessError.FailedToStart:
            self._end(
                DatasetError(
                    "The work on the dataset could not start.",
                    "Python could not be started a second time.",
                    "Set Expert Studio up again, then try once more.",
                )
            )

    @Slot(int, QProcess.ExitStatus)
    def _on_process_finished(self, code: int, _status: QProcess.ExitStatus) -> None:
        self._on_heard()
        if self._process is None:
            return
        if self._told_end:
            self._end(None)
            return
        told = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        why = told.strip().rpartition("\n")[2][:300] or f"Its process ended with code {code}"
        self._end(
            DatasetError(
                "The work on the dataset ended early.",
                why if why.endswith(".") else f"{why}.",
                "What was done is kept; start it again to go on.",
            )
        )

    def _end(self, error: ExpertError | None) -> None:
        self._release()
        if error is not None:
            self.failed.emit(error)
        self.ended.emit()
