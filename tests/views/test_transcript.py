"""The transcript: streams, formats at the end, follows until the person scrolls up."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QUrl
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.core.inference.conversation import AnswerTiming, Sampling
from expert_studio.core.inference.stack import Stack
from expert_studio.core.inference.turns import Turn
from expert_studio.views.widgets.rich_text import CodeFrame, RichText
from expert_studio.views.widgets.transcript import BATCH, Transcript

PATIENCE_MS = 60_000  # a bound for a stuck test
STACK = Stack((), "b" * 64, "bf16")


def _answer(text: str = "", state: str = "streaming") -> Turn:
    begun = Turn.begun(STACK, Sampling(seed=7))
    timing = AnswerTiming(38.0, 47.0, 10, 0, 61)
    return Turn(begun.id, "assistant", text, state, 0.0, STACK, begun.sampling, timing)  # type: ignore[arg-type]


@pytest.fixture
def transcript(qtbot: QtBot) -> Transcript:
    made = Transcript()
    qtbot.addWidget(made)
    made.resize(700, 400)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_text_streams_and_ends_formatted(transcript: Transcript, qtbot: QtBot) -> None:
    turn = _answer()
    transcript.add(Turn.said("hello"))
    transcript.add(turn)
    whole = 'First.\n\n```json\n{"a": 1}\n```\n\nLast **word**'
    for start in range(0, len(whole), 5):
        transcript.append_text(turn.id, whole[start : start + 5])
        QCoreApplication.processEvents()  # what came is shown in a turn of its own
    view = transcript.answers[0]
    assert view.text == whole
    code = view.findChild(CodeFrame)
    assert code is not None
    assert code.code.text == '{"a": 1}'
    transcript.finish(
        Turn(turn.id, "assistant", whole, "finished", 0.0, STACK, Sampling(seed=7), turn.timing)
    )
    assert view.facts == f"{STACK.short_hash} · seed 7 · 61 tok · 47 tok/s · first 38 ms"


def test_an_answer_awaited_is_seen_to_be_awaited(transcript: Transcript, qtbot: QtBot) -> None:
    turn = _answer()
    transcript.add(turn)
    shown = transcript.answers[0].findChild(RichText)
    assert shown is not None
    assert shown.toPlainText() == "…"
    transcript.append_text(turn.id, "Here")
    transcript.append_text(turn.id, " it")
    assert transcript.answers[0].text == "Here it"
    assert shown.toPlainText() == "…", "the turn in which it arrives lays nothing out"
    qtbot.waitUntil(lambda: shown.toPlainText() == "Here it")


def test_text_that_arrived_before_the_end_is_not_shown_after_it(transcript: Transcript) -> None:
    turn = _answer()
    transcript.add(turn)
    transcript.append_text(turn.id, "Half")
    transcript.finish(Turn(turn.id, "assistant", "Half.", "finished", 0.0, STACK, Sampling()))
    QCoreApplication.processEvents()
    texts = transcript.answers[0].findChildren(RichText)
    assert [text.toPlainText().strip() for text in texts if text.isVisible()] == ["Half."]


def test_a_long_prompt_says_how_much_is_not_shown(transcript: Transcript) -> None:
    transcript.add(Turn.said("y" * 50_000))
    shown = transcript.findChildren(RichText)[0].toPlainText()
    assert shown.endswith("… and 47,500 more characters")


def test_follows_until_scrolled_up_and_again_from_the_end(
    transcript: Transcript, qtbot: QtBot
) -> None:
    turn = _answer()
    transcript.add(turn)
    bar = transcript.verticalScrollBar()
    transcript.append_text(turn.id, "line\n\n" * 60)
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    bar.setValue(bar.maximum() // 2)
    assert not transcript.following
    held = bar.value()
    transcript.append_text(turn.id, "more\n\n" * 60)
    qtbot.wait(30)
    assert bar.value() == held
    bar.setValue(bar.maximum())
    assert transcript.following
    transcript.append_text(turn.id, "end\n\n" * 30)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())


def test_long_conversation_is_built_from_its_end(transcript: Transcript, qtbot: QtBot) -> None:
    turns: list[Turn] = []
    for number in range(250):
        turns += [Turn.said(f"question {number}"), _answer(f"answer {number}", "finished")]
    transcript.show_turns(turns)
    assert transcript.answers[-1].text == "answer 249", "the end is there at once"
    qtbot.waitUntil(lambda: not transcript._due, timeout=PATIENCE_MS)
    assert len(transcript.answers) == BATCH // 2
    bar = transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    bar.setValue(bar.minimum())
    qtbot.waitUntil(lambda: len(transcript.answers) == BATCH, timeout=PATIENCE_MS)
    assert bar.value() > bar.minimum(), "what was seen stays put"
    assert transcript.answers[0].text == f"answer {250 - BATCH}"


def test_what_is_far_from_what_is_seen_is_folded(transcript: Transcript, qtbot: QtBot) -> None:
    turns: list[Turn] = []
    for number in range(60):
        turns += [Turn.said(f"question {number}"), _answer(f"answer {number}", "finished")]
    transcript.show_turns(turns)
    bar = transcript.verticalScrollBar()
    while transcript._older:
        bar.setValue(bar.minimum())
        transcript._on_more()
        qtbot.waitUntil(lambda: not transcript._due, timeout=PATIENCE_MS)
    first, last = transcript.answers[0], transcript.answers[-1]
    heights: list[int] = []
    for _ in range(2):
        bar.setValue(bar.minimum())
        qtbot.waitUntil(lambda: not transcript._folding.isActive(), timeout=PATIENCE_MS)
        assert first.isVisible()
        assert not last.isVisible()
        transcript._on_latest()
        qtbot.waitUntil(lambda: not transcript._folding.isActive(), timeout=PATIENCE_MS)
        assert last.isVisible()
        assert not first.isVisible()
        assert bar.value() == bar.maximum()
        heights.append(bar.maximum())
    assert heights[0] == heights[1], "a folded part is as tall as it was"
    assert len(transcript.answers) == 60, "what is folded is kept"
    transcript.resize(500, 400)
    bar.setValue(bar.maximum() // 2)
    middle = transcript.answers[30]
    qtbot.waitUntil(middle.isVisible, timeout=PATIENCE_MS)


def test_interrupted_answer_says_so(transcript: Transcript) -> None:
    transcript.show_turns([Turn.said("hi"), _answer("so far")])
    assert "so far" in transcript.answers[0].text
    assert "ended during this answer" in transcript.answers[0].note


def test_only_the_last_answer_can_be_regenerated(transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_turns([_answer("one", "finished"), Turn.said("x"), _answer("two", "finished")])
    qtbot.waitUntil(lambda: len(transcript.answers) == 2, timeout=PATIENCE_MS)
    buttons = [
        next(b for b in view.findChildren(QPushButton) if b.text() == "Regenerate")
        for view in transcript.answers
    ]
    assert [not button.isHidden() for button in buttons] == [False, True]


def test_ten_megabytes_in_one_line_are_shown_in_part(transcript: Transcript) -> None:
    transcript.add(Turn.said("y" * 10_000_000))
    transcript.add(_answer("z" * 10_000_000, "finished"))
    assert len(transcript.answers) == 1


def test_no_resource_is_ever_loaded(qtbot: QtBot) -> None:
    view = RichText()
    qtbot.addWidget(view)
    view.show()
    view.show_html('<img src="file:///etc/hostname"><img src="http://evil.example/x.png">')
    for kind in QTextDocument.ResourceType:
        assert view.loadResource(kind.value, QUrl("file:///etc/hostname")) is None
