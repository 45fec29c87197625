"""Facts in rows: what only changes its value is not built again."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.fact_rows import FactRows


def shown(rows: FactRows) -> list[tuple[str, str]]:
    labels = [label for label in rows.findChildren(ElidedLabel) if label.isVisible()]
    return [(label.whole_text, label.accessibleName()) for label in labels]


def test_a_new_value_keeps_its_row(qtbot: QtBot) -> None:
    """A job tells new figures twice a second: rows built anew cost half a frame each."""
    rows = FactRows()
    qtbot.addWidget(rows)
    rows.show()
    rows.show_facts([Fact("Accepted", "1,000"), Fact("Experts", "a=1.0\nb=0.5")])
    before = rows.findChildren(QWidget)
    rows.show_facts([Fact("Accepted", "2,000"), Fact("Experts", "a=1.0\nb=0.7")])
    assert rows.findChildren(QWidget) == before
    told = [
        ("2,000", "Accepted: 2,000"),
        ("a=1.0", "Experts: a=1.0"),
        ("b=0.7", "Experts: b=0.7"),
    ]
    qtbot.waitUntil(lambda: shown(rows) == told)


def test_other_facts_take_the_place_of_those_before(qtbot: QtBot) -> None:
    rows = FactRows()
    qtbot.addWidget(rows)
    rows.show()
    rows.show_facts([Fact("Accepted", "1,000")])
    rows.show_facts([Fact("Accepted", "1,000"), Fact("Rejected", "3")])
    qtbot.waitUntil(lambda: shown(rows) == [("1,000", "Accepted: 1,000"), ("3", "Rejected: 3")])
    rows.show_facts([])
    assert shown(rows) == []
