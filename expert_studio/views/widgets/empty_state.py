"""What to do where there is nothing yet: a picture, a heading, a sentence, buttons."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.views import icons, theme
from expert_studio.views.widgets.plain_words import PlainLabel

_PICTURE_PX = 40


class EmptyState(QWidget):
    def __init__(
        self, icon: str, heading: str, sentence: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icon = icon
        self._picture = PlainLabel()
        self._heading = PlainLabel(heading)
        self._heading.setProperty("role", "name")
        self._sentence = PlainLabel(sentence)
        self._sentence.setProperty("role", "muted")
        self._sentence.setWordWrap(True)
        self._sentence.setMaximumWidth(420)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        centre = Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addStretch(2)
        column.addWidget(self._picture, 0, centre)
        column.addWidget(self._heading, 0, centre)
        row = QHBoxLayout()  # an aligned label is given the height of the whole width
        row.addStretch(1)
        row.addWidget(self._sentence, 1000)
        row.addStretch(1)
        column.addLayout(row)
        column.addSpacing(6)
        column.addLayout(self._buttons)
        column.addStretch(3)
        self._buttons.setAlignment(centre)
        self._sentence.setAlignment(centre)
        self._paint_picture()

    def set_sentence(self, sentence: str) -> None:
        self._sentence.setText(sentence)

    def add_button(self, text: str, primary: bool = False) -> QPushButton:
        """A button under the sentence; connect its `clicked`."""
        button = QPushButton(text)
        button.setAccessibleName(text)
        if primary:
            button.setProperty("role", "primary")
        self._buttons.addWidget(button)
        return button

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._paint_picture()

    def _paint_picture(self) -> None:
        colour = theme.tokens_of(self).faint
        self._picture.setPixmap(
            icons.pixmap(self._icon, colour, _PICTURE_PX, self.devicePixelRatioF())
        )
