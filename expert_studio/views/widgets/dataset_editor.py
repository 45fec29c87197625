"""One row of a dataset, to read, change, accept or reject. Knows the row, not the store."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.store_rows import StoredRow
from expert_studio.views.theme import mono_font, restyle
from expert_studio.views.widgets.dataset_words import column_name, value_name
from expert_studio.views.widgets.plain_words import PlainLabel

_LONGEST = 200_000  # characters a field shows; a longer row is edited in a file


class DatasetEditor(QWidget):
    """Signals:
    saved(int, Item): a row should say this from now on.
    state_wanted(str): the row should be "accepted", "rejected" or "pending".
    repair_wanted(int, Item, Item): what was changed in a row should be changed in all like it.
    """

    saved = Signal(int, object)
    state_wanted = Signal(str)
    repair_wanted = Signal(int, object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row: StoredRow | None = None
        self._item: Item | None = None
        self._fields: list[tuple[QLabel, QPlainTextEdit]] = []
        self._build()
        self._save.clicked.connect(self.save)
        self._revert.clicked.connect(self._on_revert)
        self._repair.clicked.connect(self._on_repair)
        self._accept.clicked.connect(self._on_accept)
        self._reject.clicked.connect(self._on_reject)
        keep = QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self)
        keep.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        keep.activated.connect(self.save)

    def _build(self) -> None:
        self._facts = PlainLabel()
        self._facts.setProperty("role", "small")
        self._facts.setWordWrap(True)
        self._facts.setTextFormat(Qt.TextFormat.PlainText)
        self._reason = PlainLabel()
        self._reason.setProperty("role", "bad")
        self._reason.setWordWrap(True)
        self._reason.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._facts)
        column.addWidget(self._reason)
        for _ in range(3):
            label = PlainLabel()
            label.setProperty("role", "secondary")
            field = QPlainTextEdit()
            field.setProperty("role", "mono")
            field.setFont(mono_font())
            field.setTabChangesFocus(True)
            field.setAcceptDrops(False)
            field.setMinimumHeight(58)
            field.textChanged.connect(self._on_edited)
            label.setBuddy(field)
            column.addWidget(label)
            column.addWidget(field, 1)
            self._fields.append((label, field))
        self._class_label = PlainLabel(self.tr("Type"))
        self._class_label.setProperty("role", "secondary")
        self._class = QLineEdit()
        self._class.setAccessibleName(self.tr("Type of the document"))
        self._class.textChanged.connect(self._on_edited)
        column.addWidget(self._class_label)
        column.addWidget(self._class)
        self._build_buttons(column)

    def _build_buttons(self, column: QVBoxLayout) -> None:
        self._save = _small(self.tr("Save"), self.tr("Save the row (Ctrl+S)"))
        self._save.setProperty("role", "primary")
        self._save.setProperty("compact", True)
        self._revert = _small(self.tr("Revert"), self.tr("Put the texts back as they were"))
        self._repair = _small(
            self.tr("Apply to all like it…"), self.tr("Make the same change in every row like it")
        )
        self._accept = _small(self.tr("Accept"), self.tr("Accept this row (A in the table)"))
        self._reject = _small(self.tr("Reject"), self.tr("Reject this row (R in the table)"))
        edits = QHBoxLayout()
        edits.setSpacing(6)
        for button in (self._save, self._revert, self._repair):
            edits.addWidget(button)
        edits.addStretch(1)
        states = QHBoxLayout()
        states.setSpacing(6)
        states.addWidget(self._accept)
        states.addWidget(self._reject)
        states.addStretch(1)
        self._edit_row = QWidget()
        self._edit_row.setLayout(edits)
        edits.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._edit_row)
        column.addLayout(states)

    @property
    def row(self) -> StoredRow | None:
        """The row shown."""
        return self._row

    @property
    def changed(self) -> bool:
        """Whether the texts differ from what the row says."""
        return self._item is not None and self._edited() != self._item

    def focus(self) -> None:
        """Begins editing, with what was asked already there."""
        fields = [field for _, field in self._fields if not field.isHidden()]
        if fields:
            fields[1 if len(fields) > 1 else 0].setFocus(Qt.FocusReason.OtherFocusReason)

    def show_row(self, row: StoredRow) -> None:
        """Shows a row; what was typed into the same row and not saved stays."""
        shown = self._row
        if shown is not None and (row.id, row.hash) == (shown.id, shown.hash) and self.changed:
            self._row = row
            self._show_facts(row)
            return
        self._row, self._item = row, row.item
        self._show_facts(row)
        self._show_texts(self._item)

    def _show_facts(self, row: StoredRow) -> None:
        facts = [value_name("state", row.state)]
        for column in ("task", "difficulty", "label", "family"):
            value = getattr(row, column)
            if value:
                facts.append(value)
        if row.split:
            facts.append(f"{column_name('split')}: {value_name('split', row.split)}")
        if row.tokens is not None:
            facts.append(self.tr("{n} tokens").format(n=row.tokens))
        self._facts.setText(" · ".join(facts))
        self._reason.setText(row.reason)
        self._reason.setVisible(bool(row.reason))
        self._accept.setEnabled(row.state != "accepted")
        self._reject.setEnabled(row.state != "rejected")

    def _show_texts(self, item: Item) -> None:
        texts = self._texts(item)
        for (label, field), (name, text) in zip(self._fields, texts, strict=False):
            label.setText(name)
            field.setAccessibleName(name)
            field.blockSignals(True)
            field.setPlainText(text[:_LONGEST])
            field.blockSignals(False)
            field.setReadOnly(len(text) > _LONGEST)
        for at, (label, field) in enumerate(self._fields):
            label.setVisible(at < len(texts))
            field.setVisible(at < len(texts))
        document = isinstance(item, ClassifiedDocument)
        self._class_label.setVisible(document)
        self._class.setVisible(document)
        self._class.blockSignals(True)
        self._class.setText(item.type if isinstance(item, ClassifiedDocument) else "")
        self._class.blockSignals(False)
        self._on_edited()

    def _texts(self, item: Item) -> list[tuple[str, str]]:
        if isinstance(item, PreferencePair):
            return [
                (self.tr("Prompt"), item.prompt[-1].content),
                (self.tr("Answer to prefer"), item.chosen),
                (self.tr("Answer to reject"), item.rejected),
            ]
        if isinstance(item, ClassifiedDocument):
            return [(self.tr("Path"), item.path), (self.tr("Document"), item.content)]
        asked = item.prompt[-1].content if item.prompt else ""
        return [(self.tr("Prompt"), asked), (self.tr("Answer"), item.answer)]

    def _edited(self) -> Item:
        item = self._item
        assert item is not None
        if any(field.isReadOnly() for _, field in self._fields):
            return item
        texts = [
            field.toPlainText() if field.document().isModified() else said
            for (_, field), (_, said) in zip(self._fields, self._texts(item), strict=False)
        ]
        if isinstance(item, PreferencePair):
            prompt = (*item.prompt[:-1], replace(item.prompt[-1], content=texts[0]))
            return replace(item, prompt=prompt, chosen=texts[1], rejected=texts[2])
        if isinstance(item, ClassifiedDocument):
            return replace(item, path=texts[0], content=texts[1], type=self._class.text())
        turns = list(item.turns)
        if item.prompt:
            turns[-2] = replace(turns[-2], content=texts[0])
        turns[-1] = Turn("assistant", texts[1])
        return replace(item, turns=tuple(turns))

    @Slot()
    def save(self) -> None:
        if self._row is not None and self.changed:
            self.saved.emit(self._row.id, self._edited())

    @Slot()
    def _on_edited(self) -> None:
        changed = self.changed
        self._edit_row.setVisible(changed)
        restyle(self._save)

    @Slot()
    def _on_revert(self) -> None:
        if self._item is not None:
            self._show_texts(self._item)

    @Slot()
    def _on_repair(self) -> None:
        if self._row is not None and self._item is not None and self.changed:
            self.repair_wanted.emit(self._row.id, self._item, self._edited())

    @Slot()
    def _on_accept(self) -> None:
        self.state_wanted.emit("accepted")

    @Slot()
    def _on_reject(self) -> None:
        self.state_wanted.emit("rejected")


def _small(text: str, name: str) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("role", "small")
    button.setAccessibleName(name)
    button.setToolTip(name)
    return button


def learned_turns(item: Item) -> tuple[tuple[Turn, ...], str]:
    """What a model is asked and what it learns to answer."""
    if isinstance(item, PreferencePair):
        return item.prompt, item.chosen
    assert isinstance(item, Example)
    return item.prompt, item.answer
