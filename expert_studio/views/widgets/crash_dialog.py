"""A defect shown with versions and a copy button. Knows nothing of where it came from."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from PySide6.QtCore import Qt, Signal, Slot, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.errors import CrashReport
from expert_studio.core.log_file import redacted
from expert_studio.views.widgets.plain_words import PlainLabel

_DISTRIBUTIONS = ("expert-studio", "PySide6_Essentials", "torch", "tokenizers", "safetensors")


class CrashDialog(QDialog):
    """Signals:
    log_wanted(): the person wants to see the log.
    """

    log_wanted = Signal()

    def __init__(self, report: CrashReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Something went wrong"))
        self.resize(680, 440)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setProperty("role", "mono")
        self._text.setAccessibleName(self.tr("Report of the defect"))
        self._text.setPlainText(f"{versions()}\n\n{_told(report)}")
        self._build()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        title = PlainLabel(self.tr("Expert Studio met a defect"))
        title.setProperty("role", "title")
        column.addWidget(title)
        detail = PlainLabel(
            self.tr(
                "Your conversations are saved and the window stays open. "
                "The report below says what happened; keys, mail addresses and your home folder "
                "are taken out of it."
            )
        )
        detail.setProperty("role", "muted")
        detail.setWordWrap(True)
        column.addWidget(detail)
        column.addWidget(self._text, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        for text, slot, role in (
            (self.tr("Show the log…"), self._on_log, ""),
            (self.tr("Copy report"), self._on_copy, ""),
            (self.tr("Go on"), self.accept, "primary"),
        ):
            button = QPushButton(text)
            button.setAccessibleName(text)
            if role:
                button.setProperty("role", role)
            button.clicked.connect(slot)
            row.addWidget(button)
        column.addLayout(row)
        self.setWindowModality(Qt.WindowModality.WindowModal)

    @property
    def report(self) -> str:
        return self._text.toPlainText()

    def add(self, report: CrashReport) -> None:
        """Adds a defect that came while the dialog was open; the same one is not repeated."""
        told = _told(report)
        if told not in self.report:
            self._text.appendPlainText(f"\n{told}")

    @Slot()
    def _on_log(self) -> None:
        self.accept()
        self.log_wanted.emit()

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report)


def versions() -> str:
    """One line for each part whose version matters to a report."""
    lines = [
        f"Python {sys.version.split()[0]} on {platform.platform()}",
        f"Qt {qVersion()}",
    ]
    for name in _DISTRIBUTIONS:
        try:
            lines.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{name} not installed")
    return "\n".join(lines)


def _told(report: CrashReport) -> str:
    return redacted(f"In {report.where}: {report.summary}\n{report.trace}")
