"""Installs dropped or chosen files one after another and shows how far that is.

Hidden while nothing is being installed. Knows nothing of how the library is shown; the
work itself is `core.experts.install`, beside the window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.errors import ArchiveError, ExpertError
from expert_studio.core.experts.install import Installation, install
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.elided_label import ElidedLabel

EXPERT_SUFFIX = ".expert"


class InstallBar(QFrame):
    """One line: which file, how many are left, and a way to stop after this one.

    Signals:
        installed(Installation): one file is in the library.
        failed(ExpertError): one file is not; the others go on.
        finished(tuple[Installation, ...]): the queue is empty; what was installed.
    """

    installed = Signal(object)
    failed = Signal(object)
    finished = Signal(object)

    def __init__(
        self,
        library: Library,
        background: Background,
        base: Callable[[], BaseDescription | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._library = library
        self._background = background
        self._base = base
        self._queue: deque[Path] = deque()
        self._now: Path | None = None
        self._asked = 0
        self._done: list[Installation] = []
        self._build()
        self.hide()

    @property
    def busy(self) -> bool:
        return self._now is not None

    def install(self, paths: Sequence[Path]) -> None:
        """Queues files; what cannot be an expert is refused at once, the rest goes on."""
        for path in paths:
            refusal = _refusal(path)
            if refusal is not None:
                self.failed.emit(refusal)
            else:
                self._queue.append(path)
                self._asked += 1
        if not self.busy:
            self._next()

    def _build(self) -> None:
        self._text = ElidedLabel()
        self._stop = QPushButton(self.tr("Stop after this one"))
        self._stop.setProperty("role", "quiet")
        self._stop.setAccessibleName(self._stop.text())
        self._stop.clicked.connect(self._on_stop)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Installing experts"))
        row = QHBoxLayout()
        row.addWidget(self._text, 1)
        row.addWidget(self._stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._bar)

    def _next(self) -> None:
        if not self._queue:
            self._end()
            return
        self._now = self._queue.popleft()
        number = self._asked - len(self._queue)
        self._text.set_text(
            self.tr("Installing {file} ({number} of {total})").format(
                file=self._now.name, number=number, total=self._asked
            )
        )
        self._bar.setRange(0, self._asked)
        self._bar.setValue(number - 1)
        self._stop.setVisible(bool(self._queue))
        self.show()
        base = self._base()
        self._background.run(
            install,
            self._now,
            self._library,
            base.name if base else None,
            base.sha256 if base else None,
            on_done=self._on_installed,
            on_failed=self._on_failed,
        )

    def _end(self) -> None:
        done, self._done = tuple(self._done), []
        self._now = None
        self._asked = 0
        self.hide()
        self.finished.emit(done)

    @Slot(object)
    def _on_installed(self, installation: Installation) -> None:
        self._done.append(installation)
        self.installed.emit(installation)
        self._next()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        if self._now is not None and self._now.name not in str(error):
            what = self.tr("{file} was not installed.").format(file=self._now.name)
            error = type(error)(what, f"{error.what} {error.why}".strip(), error.remedy)
        self.failed.emit(error)
        self._next()

    @Slot()
    def _on_stop(self) -> None:
        self._asked -= len(self._queue)
        self._queue.clear()
        self._stop.hide()


def _refusal(path: Path) -> ArchiveError | None:
    """Why a path cannot be an expert's file, judged by its name alone."""
    if path.suffix.lower() == EXPERT_SUFFIX and not path.is_dir():
        return None
    kind = "a folder" if path.is_dir() else "not an expert"
    return ArchiveError(
        f"{path.name} was not installed.",
        f"It is {kind}; experts come as one file whose name ends in {EXPERT_SUFFIX}.",
        "Drop such a file, or pack a folder with expert-cli package.",
    )
