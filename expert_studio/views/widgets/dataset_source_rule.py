"""What a generator by rule is asked for. Knows its tasks by name, not the generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QWidget

from expert_studio.core.datasets import offline
from expert_studio.core.errors import ExpertError
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.dataset_form import Form, choice_box, count_box
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note

_TASK_COLUMNS = 4


class RuleForm(Form):
    """Signals:
    changed(): something else is asked for now.
    """

    changed = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._boxes: list[QCheckBox] = []
        self._build()
        self._domain.currentIndexChanged.connect(self._on_domain)
        self._on_domain()

    def _build(self) -> None:
        names: Mapping[str, str] = {
            "english": self.tr("English: correct, rephrase, simplify"),
            "json": self.tr("JSON: extract, repair, convert"),
            "cypher": self.tr("Cypher: questions to a graph"),
            "python": self.tr("Python: write, explain, mend"),
            "rust": self.tr("Rust: write, explain, mend"),
            "classification": self.tr("Classification of documents"),
        }
        self._domain = choice_box(
            [(names.get(one, one), one) for one in offline.DOMAINS], self.tr("Domain")
        )
        self._kind = choice_box(
            [
                (self.tr("answers to learn"), "sft"),
                (self.tr("pairs to prefer (DPO)"), "preference_pairs"),
            ],
            self.tr("Kind of rows"),
        )
        self._count = count_box(1, 1_000_000, 1000, self.tr("How many rows"))
        self._seed = count_box(0, 2_000_000_000, 1, self.tr("Seed"))
        self._mix = [
            count_box(0, 100, share, name)
            for share, name in (
                (34, self.tr("Share of easy rows")),
                (33, self.tr("Share of medium rows")),
                (33, self.tr("Share of hard rows")),
            )
        ]
        mix = QHBoxLayout()
        mix.setSpacing(8)
        for box, name in zip(
            self._mix, (self.tr("easy"), self.tr("medium"), self.tr("hard")), strict=True
        ):
            box.setFixedWidth(58)
            label = PlainLabel(name)
            label.setProperty("role", "secondary")
            mix.addWidget(box)
            mix.addWidget(label)
            mix.addSpacing(8)
        mix.addStretch(1)
        self._tasks = QWidget()
        self._task_grid = QGridLayout(self._tasks)
        self._task_grid.setContentsMargins(0, 5, 0, 0)
        self._task_grid.setHorizontalSpacing(14)
        self._task_grid.setVerticalSpacing(6)
        self._problem = note("")
        self._problem.setProperty("role", "bad")
        self._problem.hide()
        self.add_row(self.tr("Domain"), self._domain)
        self.add_wide(self._problem)
        self.add_row(self.tr("Rows are"), self._kind)
        self.add_row(self.tr("How many"), self._count)
        self.add_row(self.tr("Difficulty"), mix)
        self.add_row(self.tr("Tasks"), self._tasks)
        self.add_row(
            self.tr("Seed"),
            self._seed,
            self.tr("The same seed gives the same rows, byte for byte, on any machine."),
        )

    @property
    def ready(self) -> bool:
        picked = any(box.isChecked() for box in self._boxes)
        return picked and any(box.value() for box in self._mix)

    @property
    def work(self) -> str:
        return "generate"

    @property
    def title(self) -> str:
        return self.tr("Rows by rule")

    @property
    def name_hint(self) -> str:
        """A name for a dataset made so."""
        count = self._count.value()
        short = f"{count // 1000}k" if count >= 1000 and count % 1000 == 0 else str(count)
        return f"{self._domain.currentData()}-{short}"

    @property
    def facts(self) -> list[Fact]:
        return [
            Fact(self.tr("Domain"), str(self._domain.currentData())),
            Fact(self.tr("Seed"), str(self._seed.value())),
        ]

    def order(self) -> dict[str, Any]:
        shares = ("easy", "medium", "hard")
        checked = [box for box in self._boxes if box.isChecked()]
        tasks = {} if len(checked) == len(self._boxes) else {box.text(): 1.0 for box in checked}
        return {
            "domain": self._domain.currentData(),
            "kind": self._kind.currentData(),
            "request": {
                "count": self._count.value(),
                "seed": self._seed.value(),
                "tasks": tasks,
                "difficulty": {
                    name: float(box.value()) for name, box in zip(shares, self._mix, strict=True)
                },
            },
        }

    def set_request(self, domain: str, count: int, seed: int = 1) -> None:
        """Fills in what matters most."""
        self._domain.setCurrentIndex(self._domain.findData(domain))
        self._count.setValue(count)
        self._seed.setValue(seed)

    def _show_tasks(self, tasks: tuple[str, ...]) -> None:
        for old in self._boxes:
            self._task_grid.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._boxes = [QCheckBox(task) for task in tasks]
        for at, box in enumerate(self._boxes):
            box.setChecked(True)
            box.toggled.connect(self._on_toggled)
            self._task_grid.addWidget(
                box, at // _TASK_COLUMNS, at % _TASK_COLUMNS, Qt.AlignmentFlag.AlignLeft
            )
        self._task_grid.setColumnStretch(_TASK_COLUMNS, 1)
        self._problem.hide()
        self.changed.emit()

    @Slot()
    def _on_domain(self, _at: int = 0) -> None:
        domain = str(self._domain.currentData())
        self._background.run(_tasks_of(domain), on_done=self._on_tasks, on_failed=self._on_no_tasks)

    @Slot(object)
    def _on_tasks(self, told: tuple[str, tuple[str, ...]]) -> None:
        domain, tasks = told
        if domain == self._domain.currentData():
            self._show_tasks(tasks)

    @Slot(object)
    def _on_no_tasks(self, error: ExpertError) -> None:
        self._show_tasks(())
        self._problem.setText(str(error))
        self._problem.show()

    @Slot(bool)
    def _on_toggled(self, _on: bool) -> None:
        self.changed.emit()


def _tasks_of(domain: str) -> Callable[[], tuple[str, tuple[str, ...]]]:
    return lambda: (domain, tuple(offline.domain(domain).TASKS))
