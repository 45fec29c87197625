"""What the person said, at the right, as wide as its text up to most of the column."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.inference.turns import Turn
from expert_studio.views.widgets.branch_arrows import BranchArrows
from expert_studio.views.widgets.markdown import as_plain_html, plain
from expert_studio.views.widgets.rich_text import RichText, as_wide_as_parent

LONGEST_BUBBLE = 2_500  # all of it is laid out in the turn in which it is sent
MOST_LINES = 60
SIDE = 14  # pixels beside the text
MEASURED = 400  # characters of a line; wider than any column


class MessageBubble(QWidget):
    """Signals:
    edit_wanted(str): the turn; something else shall be said in its place.
    """

    edit_wanted = Signal(str)

    def __init__(self, turn: Turn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_wide_as_parent(self)
        self._turn = turn
        self._frame = QFrame(self)
        self._frame.setProperty("role", "bubble")
        self._text = RichText(parent=self._frame)
        self._natural: tuple[str, int] = ("", 0)  # in what type, how wide unwrapped
        self._text.setAccessibleName(self.tr("You said"))
        self.branches = BranchArrows(self)
        self._edit = QPushButton(self.tr("Edit"), self)
        self._build()
        shown = self._shown()
        self._lines = tuple(line[:MEASURED].expandtabs(16) for line in shown.split("\n"))
        self._hug()
        self._text.resize(self._frame.width() - 2 * SIDE, self._text.height())
        self._text.show_html(as_plain_html(shown))

    def _build(self) -> None:
        self._edit.setProperty("role", "foot")
        self._edit.setAccessibleName(self.tr("Edit this message and send it again"))
        self._edit.setToolTip(self._edit.accessibleName())
        self._edit.clicked.connect(self._on_edit)
        inside = QVBoxLayout(self._frame)
        inside.setContentsMargins(SIDE, 10, SIDE, 7)
        inside.addWidget(self._text)
        foot = QHBoxLayout()
        foot.setSpacing(6)
        foot.addStretch(1)
        foot.addWidget(self.branches)
        foot.addWidget(self._edit)
        right = Qt.AlignmentFlag.AlignRight
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self._frame, 0, right)
        column.addLayout(foot)

    @property
    def turn(self) -> Turn:
        return self._turn

    def press_edit(self) -> None:
        """As by hand."""
        self._edit.click()

    def _shown(self) -> str:
        text = self._turn.text
        shown = plain(text[: LONGEST_BUBBLE + 1])
        lines = shown.split("\n")
        if len(shown) <= LONGEST_BUBBLE and len(lines) <= MOST_LINES:
            return shown
        shown = "\n".join(lines[:MOST_LINES])[:LONGEST_BUBBLE]
        left_out = len(text) - len(shown)
        return shown + self.tr("… and {0} more characters").format(f"{left_out:,}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hug()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._hug()

    def _hug(self) -> None:
        font = self._text.document().defaultFont()
        if self._natural[0] != font.key():
            measured = QFontMetrics(font)
            widest = max(measured.horizontalAdvance(line) for line in self._lines)
            self._natural = (font.key(), widest + 2 * SIDE + 4)
        most = max(220, int(self.width() * 0.78))
        self._frame.setFixedWidth(min(self._natural[1], most))

    @Slot()
    def _on_edit(self) -> None:
        self.edit_wanted.emit(self._turn.id)
