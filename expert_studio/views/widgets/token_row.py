"""The hub token: kept in the system's keyring, never shown again, never written to a file.

The keyring may wait for the person to unlock it, so it is asked beside the window.
"""

from __future__ import annotations

import os

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.hub_token import forget_token, has_stored_token, keep_token
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note


class TokenRow(QWidget):
    """Signals:
    failed(ExpertError): the keyring refused.
    """

    failed = Signal(object)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._field = QLineEdit()
        self._field.setEchoMode(QLineEdit.EchoMode.Password)
        self._field.setPlaceholderText(self.tr("Token, for gated bases only"))
        self._field.setAccessibleName(self.tr("Hub token"))
        self._field.setFixedWidth(220)
        self._keep = QPushButton(self.tr("Keep"))
        self._keep.setAccessibleName(self.tr("Keep the token in the system's keyring"))
        self._keep.setEnabled(False)
        self._forget = QPushButton(self.tr("Forget"))
        self._forget.setAccessibleName(self.tr("Remove the token from the system's keyring"))
        self._state = note("")
        told = QVBoxLayout()
        told.setSpacing(2)
        told.addWidget(PlainLabel(self.tr("Hub token")))
        told.addWidget(self._state)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addLayout(told, 1)
        row.addWidget(self._field)
        row.addWidget(self._keep)
        row.addWidget(self._forget)
        self._show_state(False)
        self._field.textChanged.connect(self._on_typed)
        self._field.returnPressed.connect(self._keep.click)
        self._keep.clicked.connect(self._on_keep)
        self._forget.clicked.connect(self._on_forget)

    def refresh(self) -> None:
        """Asks the keyring whether there is one."""
        self._background.run(has_stored_token, on_done=self._on_asked, on_failed=self._on_not_asked)

    def _show_state(self, kept: bool) -> None:
        self._forget.setVisible(kept)
        if os.environ.get("HF_TOKEN"):
            text = self.tr("HF_TOKEN is set and is used before any other.")
        elif kept:
            text = self.tr("One is kept in the system's keyring.")
        else:
            text = self.tr("None is kept. Qwen's bases need none.")
        self._state.setText(text)

    @Slot(object)
    def _on_asked(self, kept: bool) -> None:
        self._show_state(kept)

    @Slot(object)
    def _on_not_asked(self, _: ExpertError) -> None:
        self._show_state(False)  # no keyring here: keeping one says so

    @Slot(str)
    def _on_typed(self, text: str) -> None:
        self._keep.setEnabled(bool(text.strip()))

    @Slot()
    def _on_keep(self) -> None:
        token = self._field.text().strip()
        self._field.clear()
        self._background.run(
            keep_token, token, on_done=self._on_changed, on_failed=self._on_refused
        )

    @Slot()
    def _on_forget(self) -> None:
        self._background.run(forget_token, on_done=self._on_changed, on_failed=self._on_refused)

    @Slot(object)
    def _on_changed(self, _: object) -> None:
        self.refresh()

    @Slot(object)
    def _on_refused(self, error: ExpertError) -> None:
        self.failed.emit(error)
        self.refresh()
