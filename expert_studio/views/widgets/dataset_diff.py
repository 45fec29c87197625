"""What changed between two versions of a dataset, row by row. Knows texts, not stores."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.theme import (
    body_font,
    literal,
    mono_family,
    scaled,
    tokens_of,
    was_recoloured,
)
from expert_studio.views.theme_tokens import Tokens
from expert_studio.views.widgets.dataset_words import count_text, value_name
from expert_studio.views.widgets.plain_words import PlainLabel

_KINDS = ("edited", "added", "removed", "moved")


class DatasetDiff(QFrame):
    """Signals:
    left(): the person wants the rows again.
    """

    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._result: Mapping[str, Any] = {}
        self._kind = "edited"
        self._shown = tokens_of(self)
        self._build()
        self._back.clicked.connect(self.left)
        self._kinds.buttonClicked.connect(self._on_kind)

    def _build(self) -> None:
        self._title = PlainLabel()
        self._title.setProperty("role", "heading")
        self._back = QPushButton(self.tr("Back to the rows"))
        self._back.setProperty("role", "small")
        self._kinds = QButtonGroup(self)
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self._title)
        head.addSpacing(12)
        for number, _ in enumerate(_KINDS):
            button = QPushButton()
            button.setAccessibleName(self.tr("Show rows"))
            button.setProperty("role", "segment")
            button.setCheckable(True)
            self._kinds.addButton(button, number)
            head.addWidget(button)
        head.addStretch(1)
        head.addWidget(self._back)
        self._text = QTextBrowser()
        self._text.setAccessibleName(self.tr("Rows that changed"))
        self._text.setOpenLinks(False)
        self._text.setFont(literal(body_font()))
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 12, 10)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._text, 1)

    @property
    def text(self) -> str:
        return self._text.toPlainText()

    def show_diff(self, title: str, result: Mapping[str, Any]) -> None:
        self._title.setText(title)
        self._result = result
        names = {
            "edited": self.tr("changed {n}"),
            "added": self.tr("added {n}"),
            "removed": self.tr("removed {n}"),
            "moved": self.tr("other split {n}"),
        }
        counts = result["counts"]
        for button in self._kinds.buttons():
            kind = _KINDS[self._kinds.id(button)]
            button.setText(names[kind].format(n=count_text(counts[kind])))
            button.setAccessibleName(self.tr("Show rows: {name}").format(name=button.text()))
            button.setEnabled(bool(counts[kind]))
        self._kind = next((kind for kind in _KINDS if counts[kind]), "edited")
        self._kinds.button(_KINDS.index(self._kind)).setChecked(True)
        self._fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if was_recoloured(event, self._shown):
            self._fill()

    def _fill(self) -> None:
        self._shown = tokens = tokens_of(self)
        if not self._result:
            return
        rows = self._result[self._kind]
        parts = [self._row(row, tokens) for row in rows]
        count = self._result["counts"][self._kind]
        if not count:
            parts.append(f'<p style="color:{tokens.muted}">{self.tr("Nothing differs.")}</p>')
        elif count > len(rows):
            more = self.tr("and {n} more").format(n=count_text(count - len(rows)))
            parts.append(f'<p style="color:{tokens.muted}">{more}</p>')
        self._text.setHtml("".join(parts))

    def _row(self, row: Mapping[str, Any], tokens: Tokens) -> str:
        if self._kind == "edited":
            texts = [marked(row[name], tokens) for name in ("prompt", "answer")]
        else:
            texts = [escaped(row["prompt"]), escaped(row["answer"])]
        head = self.tr("Row {n}").format(n=row["id"])
        if self._kind == "moved":
            head += f" · {html.escape(value_name('split', row['split']))}"
        small = scaled(11)
        return (
            f'<p style="color:{tokens.muted}; font-size:{small}px; margin:10px 0 2px 0">{head}</p>'
            f'<p style="margin:0 0 4px 0; font-size:{scaled(12)}px">{texts[0]}</p>'
            f'<p style="margin:0; font-family:{mono_family()}; font-size:{small}px">{texts[1]}</p>'
        )

    @Slot(QAbstractButton)
    def _on_kind(self, button: QAbstractButton) -> None:
        self._kind = _KINDS[self._kinds.id(button)]
        self._fill()


def escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def marked(parts: Sequence[Sequence[str]], tokens: Tokens) -> str:
    """Both texts in one: what went struck through, what came underlined."""
    styles = {"": "{}", "-": f'<s style="color:{tokens.bad}">{{}}</s>',
              "+": f'<u style="color:{tokens.good}">{{}}</u>'}  # fmt: skip
    return "".join(styles[what].replace("{}", escaped(text)) for what, text in parts)
