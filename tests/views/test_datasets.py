"""Parts of the Datasets page by themselves: windows of rows, edits, charts, filters, words."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit
from pytestqt.qtbot import QtBot

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import Item, body_of
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.store_rows import RowFilter, StoredRow
from expert_studio.views.widgets.dataset_charts import BarChart, length_bars, value_bars
from expert_studio.views.widgets.dataset_editor import DatasetEditor
from expert_studio.views.widgets.dataset_filter import DatasetFilter
from expert_studio.views.widgets.dataset_orders import repair_order
from expert_studio.views.widgets.dataset_rows import PAGE_ROWS, RowLine, RowsModel, telling
from expert_studio.views.widgets.dataset_table import RowsTable


def line(number: int) -> RowLine:
    return RowLine(number, "chat", "accepted", f"ask {number}", "42", "", "", "", 7, "")


def stored(item: Item, number: int = 1) -> StoredRow:
    body = body_of(item)
    return StoredRow(
        number, body.hash, body.kind, body.text, "accepted", "", "", body.family, body.task,
        body.difficulty, body.label, None, body.chars, 0.0,
    )  # fmt: skip


def example(answer: str = "Yes.") -> Example:
    return Example((Turn("user", "Is it?"), Turn("assistant", answer)))


def test_only_the_page_in_sight_is_asked_for(qtbot: QtBot) -> None:
    model = RowsModel()
    asked: list[list[int]] = []
    model.needed.connect(asked.append)
    model.set_ids(list(range(1, 100_001)))
    assert model.rowCount() == 100_000
    assert model.data(model.index(50_000, 1)) == "…"
    qtbot.waitUntil(lambda: bool(asked))
    assert len(asked[0]) == PAGE_ROWS
    assert 50_001 in asked[0]
    model.take_lines(model.round, [line(number) for number in asked[0]])
    assert model.data(model.index(50_000, 1)) == "ask 50001"
    assert model.complete
    assert len(asked) == 1


def test_rows_that_are_added_keep_what_is_selected(qtbot: QtBot) -> None:
    model = RowsModel()
    table = RowsTable(model)
    qtbot.addWidget(table)
    model.set_ids([3, 5, 8])
    table.selectRow(1)
    model.set_ids([3, 5, 8, 13])
    assert table.selected_ids == (5,)
    model.set_ids([13, 8, 5])
    assert table.selected_ids == (5,), "in another order it is the same row"
    model.set_ids([13])
    assert table.selected_ids == ()


def test_keys_say_what_should_become_of_rows(qtbot: QtBot) -> None:
    model = RowsModel()
    table = RowsTable(model)
    qtbot.addWidget(table)
    model.set_ids([1, 2])
    told: list[str] = []
    table.state_wanted.connect(told.append)
    for key in (Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_P):
        qtbot.keyClick(table, key)
    assert told == ["accepted", "rejected", "pending"]
    with qtbot.waitSignal(table.copy_wanted):
        qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert table.selected_ids == (1, 2)


def test_each_kind_of_row_is_edited_in_its_own_fields(qtbot: QtBot) -> None:
    editor = DatasetEditor()
    qtbot.addWidget(editor)
    saved: list[Item] = []
    editor.saved.connect(lambda _number, item: saved.append(item))
    pair = PreferencePair((Turn("user", "Is it?"),), "Yes.", "No.")
    document = ClassifiedDocument("a.py", "print()\r\n", "code", "python")
    fields = editor.findChildren(QPlainTextEdit)
    for item, at, text in ((example(), 1, "No."), (pair, 2, "Never."), (document, 0, "b.py")):
        editor.show_row(stored(item))
        assert not editor.changed
        fields[at].selectAll()
        fields[at].insertPlainText(text)
        assert editor.changed
        editor.save()
    assert saved[0] == example("No.")
    assert isinstance(saved[1], PreferencePair)
    assert saved[1].rejected == "Never."
    assert isinstance(saved[2], ClassifiedDocument)
    assert (saved[2].path, saved[2].content) == ("b.py", "print()\r\n"), "the rest is untouched"
    editor.show_row(stored(document))
    (label,) = editor.findChildren(QLineEdit)
    label.setText("test")
    editor.save()
    assert isinstance(saved[3], ClassifiedDocument)
    assert saved[3].type == "test"


def test_what_is_typed_survives_news_of_the_same_row(qtbot: QtBot) -> None:
    editor = DatasetEditor()
    qtbot.addWidget(editor)
    editor.show_row(stored(example()))
    answer = editor.findChildren(QPlainTextEdit)[1]
    answer.insertPlainText("Oh. ")
    editor.show_row(stored(example()))
    assert answer.toPlainText() == "Oh. Yes."
    editor.show_row(stored(example("No."), 2))
    assert answer.toPlainText() == "No."


def test_a_repair_is_the_one_change_of_wording() -> None:
    before, after = example("The colour is red."), example("The color is red.")
    assert repair_order(before, after) == {"old": "colour", "new": "color"}
    put_in = repair_order(example("RETURN x"), example("RETURN x;"))
    assert put_in is not None
    assert "RETURN x".replace(put_in["old"], put_in["new"]) == "RETURN x;"
    assert repair_order(before, before) is None


def test_a_filter_narrows_and_is_taken_back(qtbot: QtBot) -> None:
    chosen = DatasetFilter()
    qtbot.addWidget(chosen)
    told: list[RowFilter] = []
    chosen.changed.connect(told.append)
    chosen.show_counts({"state": {"accepted": 3, "rejected": 1}, "task": {"a": 3, "b": 1}})
    qtbot.keyClicks(chosen.search, "needle")
    qtbot.waitUntil(lambda: bool(told))
    assert told[-1].search == "needle"
    chosen.menu.aboutToShow.emit()
    (tasks,) = (part.menu() for part in chosen.menu.actions() if part.text() == "Task")
    assert tasks is not None
    tasks.actions()[0].trigger()
    assert told[-1].tasks == ("a",)
    assert chosen.narrows
    chosen.show_found(3)
    assert [label.text() for label in chosen.findChildren(QLabel) if not label.isHidden()] == [
        "3 found"
    ]
    chosen.clear()
    assert told[-1] == RowFilter()
    chosen.show_found(4)
    assert all(label.isHidden() for label in chosen.findChildren(QLabel))


def test_charts_count_every_row(qtbot: QtBot) -> None:
    lengths = [*range(20, 220), 90_000]
    bars = length_bars(lengths, "tokens")
    assert sum(bar.count for bar in bars) == len(lengths)
    assert bars[-1].value[1] == 90_000  # type: ignore[index]
    assert length_bars([], "tokens") == []
    named = value_bars({"b": 1, "a": 5, "": 2}, "none")
    assert [(bar.name, bar.count) for bar in named] == [("a", 5), ("none", 2), ("b", 1)]
    chart = BarChart("domain", numeric=False)
    qtbot.addWidget(chart)
    chart.show_bars(named)
    chart.resize(400, 100)
    chosen: list[object] = []
    chart.chosen.connect(chosen.append)
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    qtbot.keyClick(chart, Qt.Key.Key_Return)
    assert chosen == ["a"]
    chart.grab()


def test_rows_that_begin_alike_show_what_is_theirs() -> None:
    assert telling("Answer with Cypher.\n\nWho acted in Heat, and when?").startswith("… Who acted")
    assert telling("One paragraph") == "One paragraph"
