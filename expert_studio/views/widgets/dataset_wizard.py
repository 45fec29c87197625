"""New rows in three steps: where from, what exactly, a look at the first ten.

Orders previews and estimates from a job of its own; the real work is the page's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.errors import ExpertError
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.runtime.dataset_job import DatasetJob
from expert_studio.views.theme import mono_font, restyle
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.dataset_orders import estimate_text
from expert_studio.views.widgets.dataset_preview import RowPreview
from expert_studio.views.widgets.dataset_source import FILES, RULE, SourceStep
from expert_studio.views.widgets.dataset_source_file import FileForm
from expert_studio.views.widgets.dataset_source_model import ModelForm
from expert_studio.views.widgets.dataset_source_rule import RuleForm
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note

PREVIEWED = 10
_COLUMN_WIDTH = 860


class DatasetWizard(QWidget):
    """Signals:
    left(): the person wants back.
    run_wanted(str, str, dict, str, list[Fact]): dataset, work, order, title and facts of it.
    failed(ExpertError): a sentence to show.
    """

    left = Signal()
    run_wanted = Signal(str, str, object, str, object)
    failed = Signal(object)

    def __init__(
        self, folders: Folders, background: Background, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._step = 0
        self._target = ""  # an open dataset that gets the rows; "" for a new one
        self._name_typed = False
        self._previewed: Mapping[str, Any] | None = None
        self._next_preview: tuple[str, dict[str, Any]] | None = None
        self.job = DatasetJob(self)
        self.rule_form = RuleForm(background)
        self.model_form = ModelForm(folders, background)
        self.file_form = FileForm()
        self._build()
        self._connect()
        self._show_step()

    # --- how it looks ------------------------------------------------------------------

    def _build(self) -> None:
        self._header = PageHeader(self.tr("New dataset"))
        self._cancel = QPushButton(self.tr("Cancel"))
        self._header.add_action(self._cancel)
        self._steps = [PlainLabel() for _ in range(3)]
        steps = QHBoxLayout()
        steps.setSpacing(8)
        for label in self._steps:
            label.setProperty("role", "chip")
            steps.addWidget(label)
        steps.addStretch(1)
        self._source = SourceStep()
        self._name, self._sources = self._source.name, self._source.choices
        self._stack = QStackedWidget()
        for page in (self._source, self._build_forms(), self._build_preview()):
            self._stack.addWidget(page)
        self._back = QPushButton(self.tr("Back"))
        self._next = QPushButton(self.tr("Next"))
        self._next.setProperty("role", "primary")
        self._hint = PlainLabel()
        self._hint.setProperty("role", "secondary")
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self._hint, 1)
        foot.addWidget(self._back)
        foot.addWidget(self._next)
        held = QWidget()
        held.setMaximumWidth(_COLUMN_WIDTH)
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addLayout(steps)
        column.addWidget(self._stack, 1)
        column.addLayout(foot)
        row = QHBoxLayout()
        row.setContentsMargins(PAGE_PADDING, 16, PAGE_PADDING, 16)
        row.addWidget(held, 10)
        row.addStretch(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._header)
        page.addLayout(row, 1)

    def _build_forms(self) -> QWidget:
        self._cards: list[QFrame] = []
        for form in self._all_forms:
            card = QFrame()
            card.setProperty("role", "card")
            column = QVBoxLayout(card)
            column.setContentsMargins(18, 16, 18, 18)
            column.addWidget(form)
            self._cards.append(card)
        inside = QWidget()
        inside.setProperty("role", "scroll")
        above = QVBoxLayout(inside)
        above.setContentsMargins(0, 0, 0, 0)
        for card in self._cards:
            above.addWidget(card)
        above.addStretch(1)
        return scrolling(inside)

    def _build_preview(self) -> QWidget:
        self._told = note("")
        self.preview = RowPreview()
        self._question = QPlainTextEdit()
        self._question.setProperty("role", "mono")
        self._question.setFont(mono_font())
        self._question.setReadOnly(True)
        self._question.setAccessibleName(self.tr("The first request, as it will be sent"))
        card = QFrame()
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        column.addWidget(self._told)
        column.addWidget(self.preview, 1)
        column.addWidget(self._question, 1)
        return card

    def _connect(self) -> None:
        self._cancel.clicked.connect(self.leave)
        self._back.clicked.connect(self._on_back)
        self._next.clicked.connect(self.go_on)
        self._sources.buttonClicked.connect(self._on_source)
        self._name.textEdited.connect(self._on_name_typed)
        self._name.textChanged.connect(self._on_changed)
        self._name.returnPressed.connect(self.go_on)
        for form in self._all_forms:
            form.changed.connect(self._on_changed)
        self.model_form.failed.connect(self.failed)
        self.file_form.chosen.connect(self._on_files_chosen)
        self.job.finished.connect(self._on_previewed)
        self.job.failed.connect(self._on_preview_failed)
        self.job.ended.connect(self._on_job_ended)

    # --- what is done with it ----------------------------------------------------------

    @property
    def _all_forms(self) -> tuple[RuleForm, ModelForm, FileForm]:
        return (self.rule_form, self.model_form, self.file_form)

    @property
    def form(self) -> RuleForm | ModelForm | FileForm:
        return self._all_forms[self._sources.checkedId()]

    @property
    def step(self) -> int:
        return self._step

    @property
    def previewed(self) -> Mapping[str, Any] | None:
        """What the last preview told; None while it is awaited."""
        return self._previewed

    def begin(self, target: str = "", source: int = RULE) -> None:
        """Starts anew: rows for the dataset `target`, or for a new one."""
        self._target, self._name_typed, self._step = target, False, 0
        self._previewed = None
        self._sources.button(source).setChecked(True)
        self._header.set_title(
            self.tr("Rows for {name}").format(name=target) if target else self.tr("New dataset")
        )
        self._source.ask_name(not target)
        self._name.clear()
        self.model_form.refresh()
        self._show_step()

    def import_paths(self, paths: Sequence[Path], target: str = "") -> None:
        """Starts with files that were dropped."""
        self.begin(target, FILES)
        self._step = 1
        self.file_form.set_paths(paths)
        self._show_step()

    @Slot()
    def leave(self) -> None:
        self._next_preview = None
        self.job.stop()
        self.left.emit()

    @Slot()
    def go_on(self) -> None:
        """To the next step; after the last the work begins."""
        if not self._next.isEnabled():
            return
        if self._step < 2:
            self._step += 1
            self._show_step()
            return
        form = self.form
        order = form.order()
        if isinstance(form, ModelForm):
            order["key"] = form.session_key
        name = self._target or self._name.text().strip() or form.name_hint
        self.run_wanted.emit(name, form.work, order, form.title, form.facts)

    def _show_step(self) -> None:
        names = (self.tr("1 Source"), self.tr("2 What exactly"), self.tr("3 First rows"))
        for at, (label, name) in enumerate(zip(self._steps, names, strict=True)):
            label.setText(name)
            restyle(label, severity="now" if at == self._step else "")
        self._stack.setCurrentIndex(self._step)
        for at, card in enumerate(self._cards):
            card.setVisible(at == self._sources.checkedId())
        self._back.setVisible(self._step > 0)
        if not self._name_typed and not self._target:
            self._name.setText(self.form.name_hint)
        if self._step == 2:
            self._ask_preview()
        self._on_changed()

    def _ask_preview(self) -> None:
        form = self.form
        by_model = isinstance(form, ModelForm)
        self.preview.setVisible(not by_model)
        self._question.setVisible(by_model)
        self.preview.show_rows([])
        self._question.clear()
        self._told.setText(self.tr("Reckoning…") if by_model else self.tr("Making the first rows…"))
        works = ("preview", "estimate", "preview_file")
        self._order_preview(works[self._sources.checkedId()], form.order())

    def _order_preview(self, work: str, order: dict[str, Any]) -> None:
        """Asks for first rows; while others are being made, as soon as those are ended."""
        self._previewed = None
        wanted = (work, {**order, "rows": PREVIEWED})
        if self.job.running:
            self._next_preview = wanted
            self.job.stop()
        else:
            self.job.start(*wanted)

    @Slot(object)
    def _on_previewed(self, result: Mapping[str, Any]) -> None:
        if self._next_preview is not None:
            return
        self._previewed = result
        if "requests" in result:
            self._told.setText(estimate_text(result))
            self._question.setPlainText(result["prompt"])
        else:
            rows = result["rows"]
            if "columns" in result:
                self.file_form.take_preview(result)
            bad = sum(1 for row in rows if row.get("problem"))
            told = self.tr("The first {n} rows, as they will be.").format(n=len(rows))
            if bad:
                told = self.tr(
                    "{bad} of the first {n} rows cannot be used; go back and say what the "
                    "columns mean, or go on without such rows."
                ).format(bad=bad, n=len(rows))
            self._told.setText(told)
            self.preview.show_rows(rows)
        self._on_changed()

    @Slot(object)
    def _on_preview_failed(self, error: ExpertError) -> None:
        if self._next_preview is not None:
            return
        self._told.setText(str(error))
        self._on_changed()

    @Slot()
    def _on_job_ended(self) -> None:
        wanted, self._next_preview = self._next_preview, None
        if wanted is not None:
            self.job.start(*wanted)

    @Slot()
    def _on_files_chosen(self) -> None:
        self._order_preview("preview_file", self.file_form.order())

    @Slot()
    def _on_changed(self, _text: str = "") -> None:
        form = self.form
        texts = (self.tr("Next"), self.tr("Next"), self.tr("Begin"))
        self._next.setText(texts[self._step])
        ready = True
        hint = ""
        if self._step == 0:
            ready = bool(self._target or self._name.text().strip())
            hint = "" if ready else self.tr("Give the dataset a name.")
        elif self._step == 1:
            ready = form.ready
            if isinstance(form, ModelForm):
                hint = form.missing
            elif isinstance(form, FileForm) and not ready:
                hint = self.tr("Choose files, or drop them here.")
        else:
            ready = self._previewed is not None and self._previewed.get("fits", True)
        self._next.setEnabled(ready)
        self._hint.setText(hint)
        if self._step == 1 and not self._name_typed and not self._target:
            self._name.setText(form.name_hint)

    @Slot(str)
    def _on_name_typed(self, _text: str) -> None:
        self._name_typed = True

    @Slot(QAbstractButton)
    def _on_source(self, _button: QAbstractButton) -> None:
        self._previewed = None
        self._show_step()

    @Slot()
    def _on_back(self) -> None:
        self._step -= 1
        self._previewed = None
        self._show_step()
