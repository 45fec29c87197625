"""Read-only rich text as tall as its content, and a frame of code with a copy button.

Loads no resource, whatever the text says, and asks before a link is followed. Knows
nothing of where its text comes from.
"""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent, QTextCursor, QTextOption, QWheelEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views import theme
from expert_studio.views.widgets.markdown import Code, as_plain_html, coloured
from expert_studio.views.widgets.plain_words import PlainLabel

COPIED_MS = 1500
ENDLESS_WORD = 2_000  # characters; Qt looks for the end of such a word again for each of its lines


def as_wide_as_parent(widget: QWidget) -> None:
    """Begins with the width it will have, so that its text is laid out once."""
    if (parent := widget.parentWidget()) is not None:
        widget.resize(parent.width(), widget.height())


class RichText(QTextBrowser):
    """Signals:
    link_followed(str): the person clicked a link; nothing was opened.
    """

    link_followed = Signal(str)

    def __init__(self, wrap: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_wide_as_parent(self)
        self._wrap = wrap
        self._html = ""
        self._grown = ""
        self._shown = theme.tokens_of(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        if not wrap:
            self.setWordWrapMode(QTextOption.WrapMode.NoWrap)
            self.setLineWrapMode(self.LineWrapMode.NoWrap)  # else each resizing lays it out again
        else:
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.anchorClicked.connect(self._on_anchor_clicked)

    def show_html(self, html: str, grown: str = "") -> None:
        """Replaces all; `grown`: the plain text of it, where `grow_to` will go on from there."""
        self._wrap_for(html)
        self._html = html
        self._grown = grown
        self.ensurePolished()  # a type that came with the style later would lay it out again
        self._lay_out()

    def grow_to(self, text: str) -> None:
        """Shows plain text that only grows: what is there already is not laid out again."""
        if not self._html or not text.startswith(self._grown):
            self.show_html(as_plain_html(text))
        elif text != self._grown:
            self._wrap_for(text)
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[len(self._grown) :])
            self._html = as_plain_html(text)
            self._fit()
        self._grown = text

    def natural_width(self) -> int:
        """Pixels of the longest line, unwrapped."""
        return math.ceil(self.document().idealWidth())

    def loadResource(self, kind: int, name: QUrl) -> Any:
        return None

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the transcript scrolls, not the text in it

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if self._html and theme.was_recoloured(event, self._shown):
            self._lay_out()

    def _lay_out(self) -> None:
        tokens = self._shown = theme.tokens_of(self)
        self.document().setDefaultStyleSheet(
            f"a {{ color: {tokens.accent}; }}"
            f"code {{ font-family: '{theme.mono_family()}'; font-size: {theme.scaled(12)}px;"
            f" background-color: {tokens.sunken}; }}"
            f"pre {{ font-family: '{theme.mono_family()}'; font-size: {theme.scaled(12)}px; }}"
            f"blockquote {{ color: {tokens.muted}; margin-left: 12px; }}"
            "p { margin-top: 0px; margin-bottom: 8px; line-height: 140%; }"
            "li { margin-bottom: 3px; line-height: 135%; }"
            f"h1 {{ font-size: {theme.scaled(17)}px; }} h2 {{ font-size: {theme.scaled(15)}px; }}"
            f"h3, h4, h5, h6 {{ font-size: {theme.scaled(13)}px; }}"
            "table { border-collapse: collapse; margin-top: 8px; margin-bottom: 8px; }"
            f"th, td {{ padding: 4px 9px; border: 1px solid {tokens.line}; }}"
        )
        self.setHtml(self._html)
        self._fit()

    def _wrap_for(self, text: str) -> None:
        if not self._wrap:
            return
        mode = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere
        if len(text) > ENDLESS_WORD and max(map(len, text.split()), default=0) > ENDLESS_WORD:
            mode = QTextOption.WrapMode.WrapAnywhere
        if mode != self.wordWrapMode():
            self.setWordWrapMode(mode)

    def _fit(self) -> None:
        document, width = self.document(), self._text_width()
        if self._wrap and document.textWidth() != width:  # else all would be laid out again
            document.setTextWidth(width)
        height = math.ceil(document.size().height())
        if not self._wrap and document.idealWidth() > width:
            height += self.horizontalScrollBar().sizeHint().height()
        if height != self.height():
            self.setFixedHeight(max(height, 1))

    def _text_width(self) -> int:
        # a viewport follows once it is shown
        return self.viewport().width() if self.isVisible() else self.width()

    @Slot(QUrl)
    def _on_anchor_clicked(self, url: QUrl) -> None:
        self.link_followed.emit(url.toString())


class CodeFrame(QFrame):
    """A fenced block: language, Copy, the code itself."""

    def __init__(self, code: Code, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "code")
        self._code = code
        self._shown = theme.tokens_of(self)
        self._language = PlainLabel(code.language or self.tr("text"), self)
        self._language.setProperty("role", "faint")
        self._text = RichText(False, self)
        self._copy = QPushButton(self.tr("Copy"), self)
        self._back = QTimer(self)
        self._build()

    def _build(self) -> None:
        self._copy.setProperty("role", "quiet")
        self._copy.setAccessibleName(self.tr("Copy this code"))
        self._copy.setCursor(Qt.CursorShape.PointingHandCursor)
        self._copy.clicked.connect(self._on_copy)
        self._back.setSingleShot(True)
        self._back.setInterval(COPIED_MS)
        self._back.timeout.connect(self._on_back)
        self._text.setAccessibleName(self.tr("Code"))
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self._language)
        head.addStretch(1)
        head.addWidget(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 6, 8, 12)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self._text)
        self._paint()

    @property
    def code(self) -> Code:
        return self._code

    def grow_to(self, code: Code) -> None:
        """A fence that is still growing: its text stays plain until it is closed."""
        self._code = code
        self._language.setText(code.language or self.tr("text"))
        self._text.grow_to(code.text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_recoloured(event, self._shown):
            self._paint()

    def _paint(self) -> None:
        self._shown = theme.tokens_of(self)
        marked = coloured(self._code, self._shown)
        html = f'<pre style="margin: 0; line-height: 130%">{marked}</pre>'
        self._text.show_html(html, self._code.text)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._code.text)
        self._copy.setText(self.tr("Copied"))
        self._back.start()

    @Slot()
    def _on_back(self) -> None:
        self._copy.setText(self.tr("Copy"))
