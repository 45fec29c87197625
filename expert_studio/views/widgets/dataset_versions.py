"""The kept versions of a dataset: keep one, compare two, go back to one. Knows no store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.datasets.versions import Version
from expert_studio.views.widgets.dataset_words import rows_text, when_text
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note


class DatasetVersions(QWidget):
    """Signals:
    keep_wanted(str): the accepted rows should be kept, with this note.
    diff_wanted(int, object): what changed from one version to another; None for now.
    restore_wanted(int): the accepted rows should be those of a version again.
    """

    keep_wanted = Signal(str)
    diff_wanted = Signal(int, object)
    restore_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._versions: Sequence[Version] = ()
        self._lines: list[QWidget] = []
        self._build()
        self.keep_button.clicked.connect(self._on_keep)
        self._note.returnPressed.connect(self._on_keep)
        self.compare_button.clicked.connect(self._on_compare)

    def _build(self) -> None:
        told = note(
            self.tr(
                "A version keeps the accepted rows and their splits under a hash of their "
                "content. Equal rows give an equal hash, on any machine."
            )
        )
        self._note = QLineEdit()
        self._note.setPlaceholderText(self.tr("What is new in it"))
        self._note.setAccessibleName(self.tr("Note of the version"))
        self.keep_button = QPushButton(self.tr("Keep"))
        self.keep_button.setAccessibleName(self.tr("Keep the accepted rows as a version"))
        keep = QHBoxLayout()
        keep.setSpacing(6)
        keep.addWidget(self._note, 1)
        keep.addWidget(self.keep_button)
        self._older, self._newer = QComboBox(), QComboBox()
        self._older.setAccessibleName(self.tr("Compare from this version"))
        self._newer.setAccessibleName(self.tr("Compare to this version"))
        self.compare_button = QPushButton(self.tr("Compare"))
        compare = QHBoxLayout()
        compare.setSpacing(6)
        compare.addWidget(self._older, 1)
        compare.addWidget(self._newer, 1)
        compare.addWidget(self.compare_button)
        compare.setContentsMargins(0, 0, 0, 0)
        self._compare = QWidget()
        self._compare.setLayout(compare)
        inside = QWidget()
        inside.setProperty("role", "scroll")
        self._list = QVBoxLayout(inside)
        self._list.setContentsMargins(0, 0, 4, 0)
        self._list.setSpacing(0)
        self._list.addStretch(1)
        scroll = scrolling(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(told)
        column.addLayout(keep)
        column.addWidget(self._compare)
        column.addWidget(scroll, 1)
        self.show_versions(())

    @property
    def versions(self) -> Sequence[Version]:
        return self._versions

    def show_versions(self, versions: Sequence[Version]) -> None:
        """Takes all versions, newest first."""
        if versions == self._versions and self._lines:
            return
        self._versions = versions
        for line in self._lines:
            self._list.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._lines = [self._line(version) for version in versions]
        for at, line in enumerate(self._lines):
            self._list.insertWidget(at, line)
        self._compare.setVisible(bool(versions))
        for box in (self._older, self._newer):
            box.clear()
        self._newer.addItem(self.tr("now"), None)
        for version in versions:
            self._older.addItem(name_of(version), version.id)
            self._newer.addItem(name_of(version), version.id)
        if len(versions) > 1:
            self._older.setCurrentIndex(1)
            self._newer.setCurrentIndex(1)

    def _line(self, version: Version) -> QWidget:
        line = QFrame()
        name = PlainLabel(name_of(version))
        name.setProperty("role", "strong")
        digest = ElidedLabel(version.hash[:12])
        digest.setProperty("role", "mono")
        digest.setToolTip(version.hash)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(name)
        head.addWidget(digest)
        head.addStretch(1)
        back = QPushButton(self.tr("Go back to it"))
        back.setProperty("role", "quiet")
        back.setAccessibleName(
            self.tr("Make the accepted rows those of {name} again").format(name=name_of(version))
        )
        back.clicked.connect(partial(self._on_restore, version.id))
        head.addWidget(back)
        facts = ElidedLabel(
            " · ".join(
                part
                for part in (rows_text(version.rows), when_text(version.created), version.note)
                if part
            )
        )
        facts.setProperty("role", "small")
        rule = QFrame()
        rule.setProperty("role", "rule")
        column = QVBoxLayout(line)
        column.setContentsMargins(0, 7, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(facts)
        column.addSpacing(6)
        column.addWidget(rule)
        return line

    @Slot()
    def _on_keep(self) -> None:
        self.keep_wanted.emit(self._note.text().strip())
        self._note.clear()

    @Slot()
    def _on_compare(self) -> None:
        older = self._older.currentData()
        if older is not None:
            self.diff_wanted.emit(older, self._newer.currentData())

    @Slot()
    def _on_restore(self, version: int, _checked: bool = False) -> None:
        self.restore_wanted.emit(version)


def name_of(version: Version) -> str:
    return f"v{version.id}"
