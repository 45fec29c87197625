"""Words of others (a package, a marketplace, a conversation) shown as they stand.

Qt takes what looks like HTML for HTML, in labels and in tooltips, and loads the pictures it
names: from this machine, or from a server that then knows who looked. Knows no source of words.
"""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QLabel, QWidget


class PlainLabel(QLabel):
    """A label in which nothing is markup."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


def plain_tip(text: str) -> str:
    """A tooltip that shows this text, whatever is in it."""
    return f"<p>{html.escape(text)}</p>" if GuiQt.mightBeRichText(text) else text
