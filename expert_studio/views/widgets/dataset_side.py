"""The right panel of an open dataset: the job, and one of row, checks, versions."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.datasets.store_rows import StoredRow
from expert_studio.runtime.dataset_job import DatasetJob
from expert_studio.views.widgets.dataset_checks import DatasetChecks
from expert_studio.views.widgets.dataset_editor import DatasetEditor
from expert_studio.views.widgets.dataset_job_card import DatasetJobCard
from expert_studio.views.widgets.dataset_rendered import RenderedRow
from expert_studio.views.widgets.dataset_versions import DatasetVersions
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note

WIDTH = 320
PARTS = ("row", "checks", "versions")


class DatasetSide(QFrame):
    """Signals:
    versions_asked(): the versions are in sight and may be others now.
    resume_wanted(), forget_wanted(): of the work that was stopped before its end.
    """

    versions_asked = Signal()
    resume_wanted = Signal()
    forget_wanted = Signal()

    def __init__(self, job: DatasetJob, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(WIDTH)
        self.job_card = DatasetJobCard(job)
        self.editor = DatasetEditor()
        self.rendered = RenderedRow()
        self.checks = DatasetChecks()
        self.versions = DatasetVersions()
        self._build()
        self._parts.buttonClicked.connect(self._on_part)
        self._resume.clicked.connect(self.resume_wanted)
        self._forget.clicked.connect(self.forget_wanted)

    def _build(self) -> None:
        self._parts = QButtonGroup(self)
        tabs = QHBoxLayout()
        tabs.setSpacing(2)
        for number, name in enumerate((self.tr("Row"), self.tr("Checks"), self.tr("Versions"))):
            button = QPushButton(name)
            button.setProperty("role", "segment")
            button.setCheckable(True)
            button.setChecked(number == 0)
            button.setAccessibleName(self.tr("Panel: {name}").format(name=name))
            self._parts.addButton(button, number)
            tabs.addWidget(button)
        tabs.addStretch(1)
        self._unfinished = self._build_unfinished()
        self._none = note(self.tr("Choose a row to read it, change it, accept or reject it."))
        heading = PlainLabel(self.tr("As the model sees it"))
        heading.setProperty("role", "heading")
        seen = QWidget()
        below = QVBoxLayout(seen)
        below.setContentsMargins(0, 8, 0, 0)
        below.setSpacing(6)
        below.addWidget(heading)
        below.addWidget(self.rendered, 1)
        self._row = QSplitter(Qt.Orientation.Vertical)
        self._row.setObjectName("dataset row")
        self._row.setChildrenCollapsible(False)
        self._row.setHandleWidth(8)
        self._row.setStyleSheet("QSplitter::handle { background: transparent; }")
        self._row.addWidget(self.editor)
        self._row.addWidget(seen)
        self._row.setStretchFactor(0, 1)
        self._row.setStretchFactor(1, 1)
        self._row.setSizes([340, 260])
        row_page = QWidget()
        page = QVBoxLayout(row_page)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self._none)
        page.addWidget(self._row, 1)
        page.addStretch(0)
        self._stack = QStackedWidget()
        for widget in (row_page, self.checks, self.versions):
            self._stack.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 14, 14)
        column.setSpacing(10)
        column.addWidget(self.job_card)
        column.addWidget(self._unfinished)
        column.addLayout(tabs)
        column.addWidget(self._stack, 1)
        self.show_row(None)

    def _build_unfinished(self) -> QFrame:
        card = QFrame()
        card.setProperty("role", "inset")
        self._unfinished_told = PlainLabel()
        self._unfinished_told.setWordWrap(True)
        self._resume = QPushButton(self.tr("Go on"))
        self._resume.setAccessibleName(self.tr("Go on with the work that was stopped"))
        self._forget = QPushButton(self.tr("Leave it"))
        self._forget.setAccessibleName(self.tr("Leave the work that was stopped as it is"))
        row = QHBoxLayout()
        row.setSpacing(6)
        for button in (self._resume, self._forget):
            button.setProperty("role", "small")
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(card)
        column.setContentsMargins(12, 10, 12, 12)
        column.addWidget(self._unfinished_told)
        column.addLayout(row)
        card.hide()
        return card

    @property
    def part(self) -> str:
        return PARTS[self._stack.currentIndex()]

    @property
    def resumable(self) -> bool:
        """Whether stopped work is offered."""
        return not self._unfinished.isHidden()

    def show_part(self, part: str) -> None:
        """One of "row", "checks", "versions"."""
        at = PARTS.index(part)
        self._parts.button(at).setChecked(True)
        self._stack.setCurrentIndex(at)
        if part == "versions":
            self.versions_asked.emit()

    def show_row(self, row: StoredRow | None) -> None:
        self._none.setVisible(row is None)
        self._row.setVisible(row is not None)
        if row is not None:
            self.editor.show_row(row)

    def show_unfinished(self, title: str) -> None:
        """Offers to go on with work of this title; "" for none."""
        self._unfinished_told.setText(
            self.tr("“{title}” was stopped before its end.").format(title=title)
        )
        self._unfinished.setVisible(bool(title))

    def versions_wanted(self) -> None:
        """The rows have changed: asks for versions where they are in sight."""
        self.checks.show_stale(True)
        if self.part == "versions":
            self.versions_asked.emit()

    def forget(self) -> None:
        """Another dataset is in front."""
        self.show_row(None)
        self.checks.forget()
        self.versions.show_versions(())
        self.show_unfinished("")

    @Slot(QAbstractButton)
    def _on_part(self, button: QAbstractButton) -> None:
        self.show_part(PARTS[self._parts.id(button)])
