"""Fetches a base from the hub beside the window. Lives on the main thread.

Knows nothing of addresses, files or hashes (`core.inference.download` does): it owns
the thread that blocks on them and brings progress back by signal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal, Slot

from expert_studio.core.errors import CrashReport, ExpertError
from expert_studio.core.inference.download import (
    DownloadControl,
    DownloadProgress,
    DownloadStopped,
    Patience,
    base_destination,
    download_base,
)
from expert_studio.core.inference.hub import stored_token

CLOSE_LIMIT_MS = 20_000  # a silent server is given up after 10 s of connecting


@dataclass(frozen=True, slots=True)
class DownloadOrder:
    """What to fetch and where to."""

    repo: str
    revision: str | None  # None: the commit this version knows, else what `main` is now
    destination: Path
    endpoint: str | None = None  # None: HF_ENDPOINT or huggingface.co
    patience: Patience = field(default_factory=Patience)


class BaseDownload(QObject):
    """At most one download at a time; pausing keeps its thread, stopping keeps its bytes.

    Signals:
        started(str): the repository, once per accepted `start`.
        progressed(DownloadProgress): at most ten a second.
        finished(Path): the folder of the base, complete and checked.
        stopped(str): the person stopped it; the repository. What was fetched is kept.
        failed(ExpertError): the sentence to show. What was fetched is kept.
        crashed(CrashReport): it ended in a defect.
        ended(): after each of the four, when another download may start.
    """

    started = Signal(str)
    progressed = Signal(object)
    finished = Signal(object)
    stopped = Signal(str)
    failed = Signal(object)
    crashed = Signal(object)
    ended = Signal()

    def __init__(self, bases: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bases = bases
        self._order: DownloadOrder | None = None
        self._control = DownloadControl()
        self._thread: QThread | None = None
        self._worker: _Worker | None = None

    @property
    def repo(self) -> str:
        """The repository being fetched, or ""."""
        return self._order.repo if self._order else ""

    @property
    def running(self) -> bool:
        """Whether one is under way, paused or not."""
        return self._thread is not None

    @property
    def paused(self) -> bool:
        return self.running and self._control.paused

    def start(self, repo: str, revision: str | None = None) -> None:
        """Begins, or goes on from what an earlier try has left. Ignored while one runs.

        Raises:
            DownloadError: `repo` is not the name of a base.
        """
        self.start_order(DownloadOrder(repo, revision, base_destination(self._bases, repo)))

    def start_order(self, order: DownloadOrder) -> None:
        """As `start`, with every detail given."""
        if self.running:
            return
        self._order = order
        self._control = DownloadControl()
        thread = QThread()
        thread.setObjectName("base download")
        worker = _Worker(order, self._control)
        worker.moveToThread(thread)
        worker.progressed.connect(self.progressed)
        worker.finished.connect(self.finished)
        worker.stopped.connect(self.stopped)
        worker.failed.connect(self.failed)
        worker.crashed.connect(self.crashed)
        worker.done.connect(thread.quit)
        thread.started.connect(worker.fetch)
        thread.finished.connect(self._on_thread_finished)
        self._thread, self._worker = thread, worker
        thread.start(QThread.Priority.LowPriority)
        self.started.emit(order.repo)

    def pause(self) -> None:
        self._control.pause()

    def resume(self) -> None:
        self._control.resume()

    def stop(self) -> None:
        """Ends it at its next piece; `stopped` follows."""
        self._control.stop()

    def close(self) -> None:
        """Stops and waits for the thread. Call before the application ends."""
        self._control.stop()
        if self._thread is not None:
            self._thread.quit()
            self._thread.wait(CLOSE_LIMIT_MS)
            self._release()

    def _release(self) -> None:
        self._thread = None
        self._worker = None
        self._order = None

    @Slot()
    def _on_thread_finished(self) -> None:
        if self._thread is None or not self._thread.isFinished():
            return
        self._thread.wait()
        self._release()
        self.ended.emit()


class _Worker(QObject):
    """Runs one download on its own thread.

    Signals: as BaseDownload's; `done()` comes last, whatever happened.
    """

    progressed = Signal(object)
    finished = Signal(object)
    stopped = Signal(str)
    failed = Signal(object)
    crashed = Signal(object)
    done = Signal()

    def __init__(self, order: DownloadOrder, control: DownloadControl) -> None:
        super().__init__()
        self._order = order
        self._control = control

    @Slot()
    def fetch(self) -> None:
        order = self._order
        try:
            folder = download_base(
                order.repo,
                order.revision,
                order.destination,
                token=stored_token(),
                on_progress=self._report,
                control=self._control,
                endpoint=order.endpoint,
                patience=order.patience,
            )
            self.finished.emit(folder)
        except DownloadStopped:
            self.stopped.emit(order.repo)
        except ExpertError as error:
            self.failed.emit(error)
        except Exception as defect:  # noqa: BLE001 - brought to the crash dialog
            self.crashed.emit(CrashReport.of(defect, "base download"))
        finally:
            self.done.emit()

    def _report(self, progress: DownloadProgress) -> None:
        self.progressed.emit(progress)
