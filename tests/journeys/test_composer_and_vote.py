"""A stack put together by hand, its cost told before it is taken, and stacks voted on unseen.

Through the real window on the real base with the experts that ship; the longest standstill of
the event loop is printed for each part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDoubleSpinBox, QInputDialog, QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from expert_studio.views.widgets.correction_dialog import DatasetDialog
from expert_studio.views.widgets.tier_slider import TierSlider
from tests.expert_factory import expert_file
from tests.studio_driver import Person, with_six_experts

WORSE = "worse-with-json"
PROMPT = "Write about the harbour of Porto, its ships and its people, at length."


def _measured(score: float, condition: str) -> dict[str, object]:
    interval = [score - 0.02, score + 0.02]
    return {"condition": condition, "metric": "exact", "score": score, "n": 400} | {
        "interval": interval
    }


@pytest.fixture
def person(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Person]:
    with with_six_experts(qapp, qtbot, tmp_path / "data", {"first_run_done": True}) as person:
        yield person


def _weights(person: Person) -> dict[str, float]:
    stack = person.studio.chat_page.composer.stack
    return {member.name: round(member.weight, 3) for member in stack.members}


def test_a_stack_is_put_together(
    person: Person, watch: EventLoopWatch, qtbot: QtBot, tmp_path: Path
) -> None:
    studio, composer = person.studio, person.studio.chat_page.composer
    metrics = [_measured(0.6, "as_trained"), _measured(0.8, "without_dependencies")]
    package = expert_file(
        tmp_path / "made",
        WORSE,
        requires=["json-parser"],
        load_order=9,
        quality_metrics={"main_metric": "exact", "benchmark_score": 0.6, "metrics": metrics},
    )
    person.install([package])
    person.until(lambda: len(composer.rows) == 7)
    studio.window.show_page("chat")
    person.until(lambda: not studio.background.busy)

    watch.start()
    watch.enter("composer: told before it is taken, ticked")
    price = person.row("document-classifier").price
    assert "MB" in price or "KB" in price
    person.tick("document-classifier")
    person.until(lambda: "experts 0 B" not in composer.cost.held)
    assert composer.cost.told
    assert "came along with document-classifier" in person.row("json-parser").note

    watch.enter("composer: weights by slider, key and figure")
    slider = person.row("document-classifier").findChild(TierSlider)
    assert slider is not None
    slider.setFocus()
    for _ in range(12):
        qtbot.keyClick(slider, Qt.Key.Key_Left)
    assert _weights(person)["document-classifier"] < 1.0
    for value in range(slider.minimum(), slider.maximum() + 1, 2):  # dragged from end to end
        slider.setValue(value)
        QApplication.processEvents()
    assert _weights(person)["document-classifier"] == 2.0
    figure = person.row("json-parser").findChild(QDoubleSpinBox)
    assert figure is not None
    figure.setValue(0.5)
    assert "not as trained" in person.row("json-parser").note

    watch.enter("composer: sum and blend, presets")
    composer._modes["blend"].click()
    assert "in the blend" in person.row("json-parser").note
    _save_preset(person, "mine")
    person.tick("document-classifier")
    assert _weights(person) == {}
    taken = next(a for a in composer.presets.choices.actions() if a.text().startswith("mine"))
    taken.trigger()
    brought = {"json-parser", "english-basic", "neo4j-cypher"}
    assert set(_weights(person)) == {"document-classifier"} | brought
    composer._modes["sum"].click()

    watch.enter("composer: worse than a part of it")
    person.tick("document-classifier")
    person.tick(WORSE)
    assert f"{WORSE} alone" in composer.cost.verdict
    person.tick(WORSE)
    assert WORSE not in composer.cost.verdict
    person.until(lambda: not studio.background.busy and not studio.database_lane.busy)


def _save_preset(person: Person, name: str) -> None:
    presets = person.studio.chat_page.composer.presets
    next(a for a in presets.choices.actions() if a.text() == "Save this stack…").trigger()
    dialog = presets.findChild(QInputDialog)
    assert dialog is not None
    dialog.setTextValue(name)
    dialog.accept()
    person.until(lambda: [preset.name for preset in presets.presets] == [name])


def test_unseen_stacks_are_voted_on(person: Person, watch: EventLoopWatch) -> None:
    studio, page = person.studio, person.studio.chat_page
    watch.start()
    watch.enter("blind: columns, answers")
    page._compare.click()
    view = page.compare_view
    person.until(lambda: "document-classifier alone" in view._choices)
    view.columns[0].choose("Base alone")
    view.columns[1].choose("json-parser alone")
    view.add_column("document-classifier alone")
    view.blind.setChecked(True)
    page.prompt.set_text(PROMPT)
    page.prompt._submit()
    person.until(lambda: not page.compare.busy)
    assert len({column.text.strip() for column in view.columns}) > 1, "else nothing is hidden"
    assert [column.name_shown for column in view.columns] == ["A", "B", "C"]
    assert not any(column.facts for column in view.columns)

    watch.enter("blind: the vote and its pair")
    best = next(column for column in view.columns if column.text.strip())
    best.press_best()
    person.until(lambda: isinstance(QApplication.activeModalWidget(), DatasetDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, DatasetDialog)
    dialog.choose("votes")
    person.until(lambda: bool(studio.notices.toasts))
    assert all(column.facts for column in view.columns), "the names are told after the vote"
    with DatasetFolders(studio._folders.datasets).open("votes") as store:
        pairs = [row.item for row in store.window()]
    assert pairs
    for pair in pairs:
        assert isinstance(pair, PreferencePair)
        assert pair.chosen == best.text
        assert pair.prompt[-1].content == PROMPT
    undo = studio.notices.toasts[-1].findChildren(QPushButton)
    next(button for button in undo if button.text() == "Undo").click()
    person.until(lambda: not studio.background.busy)
    with DatasetFolders(studio._folders.datasets).open("votes") as store:
        assert not store.window()
