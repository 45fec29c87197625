"""A small question about a classifier's answer: what the document is, and where that is kept.

Knows the types the bundled classifier has; any other word may be written. Knows no dataset.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.datasets.document_prompt import DocumentLabel
from expert_studio.core.datasets.offline_documents.labels import TYPES
from expert_studio.views.widgets.dataset_question import DatasetQuestion
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel


class LabelDialog(DatasetQuestion):
    """Signals:
    labelled(DocumentLabel, str): the right label, and the dataset.
    text_wanted(): the answer should be written as text instead.
    """

    labelled = Signal(object, str)
    text_wanted = Signal()

    def __init__(
        self,
        document: str,
        given: DocumentLabel,
        names: Sequence[str],
        chosen: str,
        parent: QWidget,
    ) -> None:
        super().__init__(names, chosen, parent)
        self.name(self.tr("Correct the label"), self.tr("Keep"))
        self.setMinimumWidth(460)
        self._given = given
        self._type = QComboBox()
        self._type.setEditable(True)
        self._type.addItems(sorted({*TYPES, given.type}))
        self._language = QLineEdit(given.language)
        self._technologies = QLineEdit(", ".join(given.technologies))
        self._technologies.setPlaceholderText(self.tr("Names, with commas between them"))
        self._as_text = QPushButton(self.tr("Write the answer as text instead"))
        self._as_text.setObjectName("as text")
        self._as_text.setProperty("role", "link")
        self._as_text.setAccessibleName(self._as_text.text())
        self._build(document)
        self._type.setCurrentText(given.type)
        self._type.editTextChanged.connect(self._on_edited)
        for field in (self._language, self._technologies):
            field.textChanged.connect(self._on_edited)
        self._as_text.clicked.connect(self._on_as_text)
        self.chosen.connect(self._on_chosen)
        self._on_edited()

    def _build(self, document: str) -> None:
        form = QGridLayout()  # a form's labels stand at the top of their fields
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(8)
        form.setColumnStretch(1, 1)
        fields = (
            (self.tr("Type"), self._type),
            (self.tr("Language"), self._language),
            (self.tr("Technologies"), self._technologies),
        )
        for row, (words, field) in enumerate(fields):
            label = PlainLabel(words)
            label.setBuddy(field)
            field.setAccessibleName(words)
            form.addWidget(label, row, 0)
            form.addWidget(field, row, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        told = self.tr("What “{name}” really is") if document else self.tr("What it really is")
        column.addWidget(ElidedLabel(told.format(name=document)))
        column.addLayout(form)
        column.addWidget(self._as_text, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(4)
        column.addWidget(PlainLabel(self.tr("Kept in the dataset")))
        column.addWidget(self._choice)
        column.addSpacing(6)
        column.addWidget(self._buttons)

    @property
    def label(self) -> DocumentLabel:
        """As the fields say it now."""
        names = (name.strip() for name in self._technologies.text().split(","))
        return DocumentLabel(
            self._type.currentText().strip(),
            self._language.text().strip(),
            tuple(name for name in names if name),
        )

    def write(self, label: DocumentLabel, dataset: str = "") -> None:
        """As by hand, without pressing the button."""
        self._type.setCurrentText(label.type)
        self._language.setText(label.language)
        self._technologies.setText(", ".join(label.technologies))
        if dataset:
            self._choice.choose(dataset)

    @Slot()
    def _on_edited(self, _text: str = "") -> None:
        self.keep.setEnabled(bool(self.label.type) and self.label != self._given)

    @Slot()
    def _on_as_text(self) -> None:
        self.reject()
        self.text_wanted.emit()

    @Slot(str)
    def _on_chosen(self, dataset: str) -> None:
        self.labelled.emit(self.label, dataset)
