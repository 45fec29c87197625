"""What can be done with the selected rows. Shown while more than one is. Knows no rows."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from expert_studio.views.widgets.dataset_words import count_text
from expert_studio.views.widgets.plain_words import PlainLabel


class SelectionBar(QFrame):
    """Signals:
    state_wanted(str): "accepted", "rejected" or "pending" for the selected rows.
    delete_wanted(): the selected rows should go.
    all_wanted(): all rows shown should be selected.
    """

    state_wanted = Signal(str)
    delete_wanted = Signal()
    all_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._told = PlainLabel()
        self._all = QPushButton(self.tr("Select all"))
        self.accept = QPushButton(self.tr("Accept"))
        self.reject = QPushButton(self.tr("Reject"))
        self.put_back = QPushButton(self.tr("Put back"))
        self.delete = QPushButton(self.tr("Delete"))
        names = {
            self._all: self.tr("Select all rows shown (Ctrl+A)"),
            self.accept: self.tr("Accept the selected rows (A)"),
            self.reject: self.tr("Reject the selected rows (R)"),
            self.put_back: self.tr("Make the selected rows pending again (P)"),
            self.delete: self.tr("Delete the selected rows (Del)"),
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(6)
        row.addWidget(self._told)
        for button, name in names.items():
            button.setProperty("role", "quiet" if button is self._all else "small")
            button.setAccessibleName(name)
            button.setToolTip(name)
            if button is self.accept:
                row.addStretch(1)
            row.addWidget(button)
        self._all.clicked.connect(self.all_wanted)
        self.accept.clicked.connect(self._on_accept)
        self.reject.clicked.connect(self._on_reject)
        self.put_back.clicked.connect(self._on_put_back)
        self.delete.clicked.connect(self.delete_wanted)
        self.show_count(0, 0)

    def show_count(self, selected: int, shown: int) -> None:
        self._told.setText(
            self.tr("{n} of {all} rows selected").format(
                n=count_text(selected), all=count_text(shown)
            )
        )
        self._all.setVisible(selected < shown)
        self.setVisible(selected > 1)

    @Slot()
    def _on_accept(self) -> None:
        self.state_wanted.emit("accepted")

    @Slot()
    def _on_reject(self) -> None:
        self.state_wanted.emit("rejected")

    @Slot()
    def _on_put_back(self) -> None:
        self.state_wanted.emit("pending")
