"""An answer's foot takes as many lines as it needs, and never makes the transcript wider."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from expert_studio.views.widgets.answer_foot import AnswerFoot
from expert_studio.views.widgets.reading_order import tab_stops


@pytest.fixture
def holder(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def foot(holder: QWidget, qtbot: QtBot) -> AnswerFoot:
    made = AnswerFoot(holder)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(made)
    column.addStretch(1)
    made.set_facts("c4a205 · seed 14604452 · 61 tok · 47 tok/s · first 38 ms")
    holder.resize(900, 300)
    holder.show()
    qtbot.waitExposed(holder)
    return made


def _shown(foot: AnswerFoot) -> list[QWidget]:
    return [one for one in foot.findChildren(QWidget) if one.isVisible() and one.parent() is foot]


@pytest.mark.parametrize("width", [900, 420, 260])
def test_every_control_is_whole_and_none_lies_on_another(
    foot: AnswerFoot, qtbot: QtBot, width: int
) -> None:
    foot.set_last(True, cut=True)
    foot.parentWidget().resize(width, 300)
    qtbot.waitUntil(lambda: foot.width() == width)
    qtbot.waitUntil(lambda: foot.rect().contains(foot.childrenRect()))
    shown = _shown(foot)
    for button in foot.findChildren(QPushButton):
        if button.isVisible():
            assert button.width() >= button.sizeHint().width(), button.text()
    pairs = [(one, other) for at, one in enumerate(shown) for other in shown[at + 1 :]]
    qtbot.waitUntil(lambda: not any(a.geometry().intersects(b.geometry()) for a, b in pairs))


def test_it_is_one_line_where_there_is_room_and_again_after_it_was_narrow(
    foot: AnswerFoot, qtbot: QtBot
) -> None:
    one_line = foot.height()
    foot.parentWidget().resize(260, 300)
    qtbot.waitUntil(lambda: foot.height() > 2 * one_line)
    foot.parentWidget().resize(900, 300)
    qtbot.waitUntil(lambda: foot.height() == one_line)


def test_a_control_that_comes_pushes_the_others_on(foot: AnswerFoot, qtbot: QtBot) -> None:
    copy = next(one for one in foot.findChildren(QPushButton) if one.text() == "Copy")
    before = copy.x()
    foot.set_last(True)
    qtbot.waitUntil(lambda: copy.x() > before)
    foot.set_last(False)
    qtbot.waitUntil(lambda: copy.x() == before)


def test_what_changed_while_it_was_hidden_is_right_when_it_is_shown(
    holder: QWidget, foot: AnswerFoot, qtbot: QtBot
) -> None:
    copy = next(one for one in foot.findChildren(QPushButton) if one.text() == "Copy")
    before = copy.x()
    holder.hide()
    foot.set_last(True)
    holder.show()
    assert copy.x() > before


def test_its_controls_are_read_in_their_order(holder: QWidget, foot: AnswerFoot) -> None:
    stops = [one.accessibleName() for one in tab_stops(holder)]
    assert stops[0] == "Copy the whole answer"
    assert stops[-1] == "Exactly how this answer was made"
    assert len(stops) == 6
