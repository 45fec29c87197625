"""What a new run learns from: base and rows, and the first row as the model will see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.errors import ExpertError
from expert_studio.core.settings import BUNDLED_BASE_NAME, Folders
from expert_studio.core.training.data_source import DataSource, SourceFacts, look_at
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.dataset_form import Form, choice_box
from expert_studio.views.widgets.dataset_rendered import Rendered, RenderedRow, render
from expert_studio.views.widgets.dataset_words import count_text
from expert_studio.views.widgets.setting_card import SettingCard, note
from expert_studio.views.widgets.training_columns import TrainingColumns
from expert_studio.views.widgets.training_more_rows import MoreRows, weight_box


class SourceCard(SettingCard):
    """Signals:
    changed(): other rows or another base.
    """

    changed = Signal()

    def __init__(
        self, folders: Folders, background: Background, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._folders = folders
        self._background = background
        self._facts: SourceFacts | None = None
        self._problem = ""
        self._asked = 0
        self._by_columns = False  # the file chosen does not speak for itself
        self._build()
        self._rows.currentIndexChanged.connect(self._on_rows)
        self._base.currentIndexChanged.connect(self._on_base)
        self._file.clicked.connect(self._on_file)
        self.columns.changed.connect(self._look)
        self.weight.valueChanged.connect(self._on_weight)
        self.more.changed.connect(self._on_more)

    def _build(self) -> None:
        self.set_heading(self.tr("What it learns from"))
        form = Form()
        self._base = choice_box([], self.tr("Base"))
        self._rows = choice_box([], self.tr("Rows"))
        self._rows.setMinimumWidth(320)
        self._file = QPushButton(self.tr("File…"))
        self._file.setAccessibleName(self.tr("Learn from a file"))
        self._file.setProperty("role", "small")
        row = QHBoxLayout()
        row.setSpacing(8)
        self.weight = weight_box(1.0)
        row.addWidget(self._rows)
        row.addWidget(self.weight)
        row.addWidget(self._file)
        row.addStretch(1)
        form.add_row(self.tr("Base"), self._base)
        form.add_row(self.tr("Rows"), row)
        self.more = MoreRows()
        form.add_wide(self.more)
        self.columns = TrainingColumns()
        self._columns_label = form.add_row(self.tr("Columns"), self.columns)
        form.show_rows([self._columns_label], False)
        self._form = form
        self._told = note("")
        form.add_wide(self._told)
        self.add(form)
        self.rendered = RenderedRow()
        self.rendered.fit(3, 9)
        self.rendered.hide()
        self.add(self.rendered)

    @property
    def source(self) -> DataSource | None:
        """The first of `sources`, as it stands in the list."""
        chosen = self._rows.currentData()
        return chosen if isinstance(chosen, DataSource) else None

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """Everything it learns from, with weights and the meaning of columns."""
        first = self.source
        if first is None:
            return ()
        columns = self.columns.columns if self._by_columns else ()
        more = self.more.sources
        weight = round(self.weight.value(), 2) if more else 1.0
        return (replace(first, weight=weight, columns=columns), *more)

    @property
    def base(self) -> str:
        return str(self._base.currentData() or BUNDLED_BASE_NAME)

    @property
    def facts(self) -> SourceFacts | None:
        """What is known of the rows; None until they were looked at."""
        return self._facts

    @property
    def problem(self) -> str:
        return self._problem

    def begin(self, sources: Sequence[DataSource] = (), base: str = "") -> None:
        """Lists what there is; keeps a choice that is still there."""
        wanted = sources[0] if sources else self.source
        names = tuple(DatasetFolders(self._folders.datasets).names())
        self._rows.blockSignals(True)
        self._rows.clear()
        for name in names:
            self._rows.addItem(name, DataSource("store", name))
        if wanted is not None:
            self._choose(replace(wanted, weight=1.0, columns=()))
        self._rows.blockSignals(False)
        self.more.begin(names, sources[1:])
        self.weight.setValue(sources[0].weight if sources else 1.0)
        self._by_columns = False
        self.columns.forget()
        self._base.blockSignals(True)
        self._base.clear()
        self._base.addItem(self.tr("Bundled, 12 million parameters"), BUNDLED_BASE_NAME)
        for folder in _bases_in(self._folders.bases):
            self._base.addItem(folder.name, folder.name)
        at = self._base.findData(base)
        if base and at < 0:
            self._base.addItem(Path(base).name, base)
            at = self._base.count() - 1
        self._base.setCurrentIndex(max(0, at))
        self._base.blockSignals(False)
        self._look()

    def choose_file(self, path: Path) -> None:
        """Learns from a file of rows, or from a dataset recipe."""
        self._choose(DataSource("file", str(path)))

    def _choose(self, source: DataSource) -> None:
        for at in range(self._rows.count()):
            if self._rows.itemData(at) == source:
                self._rows.setCurrentIndex(at)
                return
        if source.kind == "file":
            self._rows.addItem(Path(source.where).name, source)
            self._rows.setCurrentIndex(self._rows.count() - 1)

    def _base_folder(self) -> Path:
        bundled = self.base == BUNDLED_BASE_NAME
        return self._folders.bundled_base if bundled else self._folders.bases / self.base

    @Slot()
    def _on_rows(self, _index: int = 0) -> None:
        self._by_columns = False
        self.columns.forget()
        self._look()

    @Slot()
    def _on_more(self) -> None:
        self._look()

    @Slot()
    def _on_weight(self, _value: object = None) -> None:
        self.changed.emit()

    @Slot()
    def _look(self) -> None:
        self._facts, self._problem = None, ""
        self.weight.setVisible(bool(self.more.sources))
        self.rendered.hide()
        self._asked += 1
        source, asked = self.source, self._asked
        if source is None:
            self._told.setText(
                self.tr("There is no dataset yet: make one on the Datasets page, or take a file.")
            )
            self.changed.emit()
            return
        self._told.setText(self.tr("Looking at the rows…"))
        self._background.run(
            _looked_at,
            self.sources,
            self._folders,
            self._base_folder(),
            on_done=self._only_if(asked, self._on_looked),
            on_failed=self._only_if(asked, self._on_refused),
        )
        self.changed.emit()

    def _only_if(self, asked: int, then: Callable[[object], None]) -> Callable[[object], None]:
        """Answers to an earlier question are not heard."""

        def heard(answer: object) -> None:
            if asked == self._asked:
                then(answer)

        return heard

    def _on_looked(self, told: object) -> None:
        assert isinstance(told, tuple)
        facts, rendered = told
        self._facts = facts
        if facts.columns:
            self._by_columns = True
            self.columns.show_columns(facts.columns, facts.fields or {})
        self._form.show_rows([self._columns_label], self._by_columns)
        words = self.tr("{n} rows to learn from").format(n=count_text(facts.rows))
        if facts.pairs:
            words += " · " + self.tr("{n} are pairs").format(n=count_text(facts.pairs))
        if facts.held_out:
            words += " · " + self.tr("{n} kept for the final score").format(
                n=count_text(facts.held_out)
            )
        if facts.left_out:
            words += " · " + self.tr("{n} cannot be read so").format(n=count_text(facts.left_out))
        if facts.columns and not facts.rows:
            self._problem = self.tr("Say which column is the prompt and which the answer.")
        elif not facts.rows:
            words = self.tr("A dataset recipe: its rows are made when the run starts.")
        self._told.setText(words + ".")
        self.rendered.setVisible(rendered is not None)
        if isinstance(rendered, Rendered):
            self.rendered.show_rendered(rendered)
        self.changed.emit()

    def _on_refused(self, error: object) -> None:
        assert isinstance(error, ExpertError)
        self._problem = error.what
        self._form.show_rows([self._columns_label], self._by_columns)
        self._told.setText(str(error))
        self.changed.emit()

    @Slot(int)
    def _on_base(self, _index: int) -> None:
        self._on_rows()

    @Slot()
    def _on_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Rows to learn from"),
            "",
            self.tr("Rows or a dataset recipe (*.jsonl *.xz *.json *.csv *.tsv *.parquet)"),
        )
        if chosen:
            self.choose_file(Path(chosen))


def _looked_at(
    sources: Sequence[DataSource], folders: Folders, base_folder: Path
) -> tuple[SourceFacts, Rendered | None]:
    """All of them together, and the first row of the first."""
    facts, *others = (look_at(source, folders) for source in sources)
    rendered = render(base_folder, facts.first) if facts.first is not None else None
    whole = replace(
        facts,
        rows=facts.rows + sum(each.rows for each in others),
        pairs=facts.pairs + sum(each.pairs for each in others),
        held_out=facts.held_out + sum(each.held_out for each in others),
    )
    return whole, rendered


def _bases_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if (path / "model.safetensors").is_file())
