"""The first step of new rows: where they come from, and the name of the dataset."""

from __future__ import annotations

from PySide6.QtWidgets import QButtonGroup, QLineEdit, QRadioButton, QVBoxLayout, QWidget

from expert_studio.views.widgets.setting_card import SettingCard

RULE, MODEL, FILES = range(3)


class SourceStep(QWidget):
    """Attributes: `choices`, a group of RULE, MODEL and FILES; `name`, a field."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = QLineEdit()
        self.name.setMinimumWidth(260)
        self.name.setAccessibleName(self.tr("Name of the dataset"))
        self.name.setPlaceholderText(self.tr("small letters, digits, dashes"))
        named = SettingCard()
        named.add_row(self.tr("Name"), self.tr("The rows are kept under this name."), self.name)
        self._named = named
        sources = SettingCard()
        sources.set_heading(self.tr("Where do the rows come from?"))
        self.choices = QButtonGroup(self)
        for number, (text, sentence) in enumerate(
            (
                (
                    self.tr("By rule"),
                    self.tr("Made on this machine by templates, free, checked and repeatable."),
                ),
                (
                    self.tr("By a model"),
                    self.tr(
                        "Written by DeepSeek, OpenAI, Anthropic, a server of your own such as "
                        "Ollama, or the base of this machine with your experts. You see what it "
                        "may cost before anything is sent."
                    ),
                ),
                (
                    self.tr("From files"),
                    self.tr("JSON lines, CSV, Parquet or a Hugging Face dataset folder."),
                ),
            )
        ):
            button = QRadioButton(text)
            button.setMinimumWidth(110)
            button.setChecked(number == RULE)
            self.choices.addButton(button, number)
            sources.add_choice(button, sentence)
            button.setMinimumWidth(110)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addWidget(sources)
        column.addWidget(named)
        column.addStretch(1)

    def ask_name(self, asked: bool) -> None:
        """Whether the rows are for a new dataset."""
        self._named.setVisible(asked)
