"""One base in the list of bases: what it is, and to use or to fetch it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.settings import BUNDLED_BASE
from expert_studio.views.widgets.base_choices import BaseChoice
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text


class BaseRow(QWidget):
    """Signals:
    use_wanted(BaseChoice): load this base.
    fetch_wanted(BaseChoice): download it, or go on downloading.
    discard_wanted(BaseChoice): delete what a stopped download left.
    """

    use_wanted = Signal(object)
    fetch_wanted = Signal(object)
    discard_wanted = Signal(object)

    def __init__(self, base: BaseChoice, in_use: bool, may_fetch: bool) -> None:
        super().__init__()
        self._base = base
        name = ElidedLabel(base.name)
        name.setProperty("role", "strong")
        detail = ElidedLabel(self._detail())
        detail.setProperty("role", "secondary")
        told = QVBoxLayout()
        told.setSpacing(2)
        told.addWidget(name)
        told.addWidget(detail)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 4)
        row.setSpacing(8)
        row.addLayout(told, 1)
        if in_use:
            chip = PlainLabel(self.tr("in use"))
            chip.setProperty("role", "chip")
            chip.setProperty("severity", "good")
            row.addWidget(chip, 0, Qt.AlignmentFlag.AlignVCenter)
        elif base.is_here:
            self._button(row, self.tr("Use"), self._on_use, self.tr("Use {name}"))
        else:
            self._add_fetch(row, may_fetch)

    def _add_fetch(self, row: QHBoxLayout, may_fetch: bool) -> None:
        base = self._base
        if base.kept_bytes:
            discard = self._button(
                row, self.tr("Discard"), self._on_discard, self.tr("Discard what is here of {name}")
            )
            discard.setProperty("role", "quiet")
            discard.setEnabled(may_fetch)
            text = self.tr("Resume")
        else:
            text = self.tr("Download {size}").format(size=size_text(base.size_bytes))
        fetch = self._button(row, text, self._on_fetch, self.tr("Download {name}"))
        fetch.setEnabled(may_fetch)

    def _button(
        self, row: QHBoxLayout, text: str, slot: object, accessible_name: str
    ) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(accessible_name.format(name=self._base.name))
        button.clicked.connect(slot)
        row.addWidget(button)
        return button

    def _detail(self) -> str:
        base = self._base
        if base.setting == BUNDLED_BASE:
            return self.tr("Comes with Expert Studio · {size} · small, for demonstration").format(
                size=size_text(base.size_bytes)
            )
        if base.is_here:
            return f"{size_text(base.size_bytes)} · {base.repo or base.setting}"
        parts = [base.repo, self.tr("revision {hash}").format(hash=base.revision[:8]), base.license]
        if base.kept_bytes:
            parts.append(
                self.tr("{kept} of about {size} are here").format(
                    kept=size_text(base.kept_bytes), size=size_text(base.size_bytes)
                )
            )
        return " · ".join(parts)

    @Slot()
    def _on_use(self) -> None:
        self.use_wanted.emit(self._base)

    @Slot()
    def _on_fetch(self) -> None:
        self.fetch_wanted.emit(self._base)

    @Slot()
    def _on_discard(self) -> None:
        self.discard_wanted.emit(self._base)
