"""What would hold up a chat that is built carelessly: long conversations, lines, tables, columns.

Through the real window; the longest standstill of the event loop is printed for each part. What no
model would say (megabytes) is said by a fake engine, the four columns by the real base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from expert_studio.app import load_engine_on_first_use
from expert_studio.core.inference.conversation import AnswerTiming, Sampling
from expert_studio.core.inference.history import Composition, Conversation, Turn
from expert_studio.core.inference.stack import Stack
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from tests.fake_engine import FakeEngine, factory_of
from tests.studio_driver import Person, with_six_experts

MEGABYTES = 10
ROWS = 100_000
ANSWER = """The mail is a **supplier invoice**. These are its fields:

```json
{"vendor": "Brightline Supplies", "date": "2026-03-14", "total": 1284.50}
```

1. `vendor` comes from the greeting
2. `date` was written as *14 March*

| field | found |
| --- | --- |
| vendor | yes |
| total | yes |
"""
Opened = Callable[..., Person]


@pytest.fixture
def opened(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Opened]:
    with ExitStack() as open_windows:

        def open_on(engine: FakeEngine | None = None) -> Person:
            settings = {"first_run_done": True, "device": "cpu"}
            factory = load_engine_on_first_use if engine is None else factory_of(engine)
            window = with_six_experts(qapp, qtbot, tmp_path / "data", settings, factory)
            person = open_windows.enter_context(window)
            person.until(lambda: not person.studio.background.busy)
            return person

        yield open_on


def _keep(person: Person, turns: int, text: str, title: str) -> Conversation:
    history = person.studio.history
    kept = Conversation.begun(title, Composition({}))
    history.create(kept)
    stack, timing = Stack((), "b" * 64, "bf16"), AnswerTiming(38.0, 47.0, 10, 0, 61)
    said: list[Turn] = []
    for number in range(turns // 2):
        said.append(Turn.said(f"Question {number}: {text[:200]}"))
        begun = Turn.begun(stack, Sampling(seed=number))
        said.append(replace(begun, text=text, state="finished", timing=timing, tokens=(1, 2)))
    history.add(kept.id, *said)
    person.studio.chat_page._shelf.refresh()
    return kept


def _scroll_to_the_top(person: Person) -> None:
    transcript = person.studio.chat_page.transcript
    bar = transcript.verticalScrollBar()
    while transcript._older:
        before = len(transcript._older)
        bar.setValue(bar.minimum())
        if not transcript._due:
            transcript._on_more()
        person.until(lambda before=before: len(transcript._older) < before and not transcript._due)  # type: ignore[misc]


@pytest.mark.long
def test_five_hundred_messages(opened: Opened, watch: EventLoopWatch) -> None:
    engine = FakeEngine(pieces=[f"{word} " for word in ANSWER.split(" ")])
    person = opened(engine)
    studio = person.studio
    kept = _keep(person, 500, ANSWER, "five hundred")
    watch.start()
    watch.enter("500 messages: opened")
    studio.dialogue.open(kept)
    person.until(lambda: len(studio.dialogue.turns) == 500)
    person.until(lambda: not studio.chat_page.transcript._due)
    watch.enter("500 messages: an answer streams")
    studio.chat_page.prompt.sent.emit("And another one?")
    person.until(lambda: not studio.dialogue.busy)
    watch.enter("500 messages: scrolled to the first")
    _scroll_to_the_top(person)
    assert len(studio.chat_page.transcript.answers) == 251
    watch.enter("500 messages: an answer streams, all built")
    studio.chat_page.prompt.sent.emit("And one more?")
    person.until(lambda: not studio.dialogue.busy)


@pytest.mark.long
def test_ten_megabytes_in_one_line(opened: Opened, watch: EventLoopWatch) -> None:
    engine = FakeEngine(pieces=["y" * 10_000] * (MEGABYTES * 100))
    person = opened(engine)
    studio, page = person.studio, person.studio.chat_page
    watch.start()
    watch.enter("10 MB in one line: pasted")
    pasted = QMimeData()
    pasted.setText("x" * (MEGABYTES * 1_000_000))
    page.prompt._editor.insertFromMimeData(pasted)
    assert page.prompt.text == ""
    assert len(page.prompt.attached) == 1
    watch.enter("10 MB in one line: sent, and 10 MB come back")
    page.prompt._submit()
    person.until(lambda: studio.dialogue.busy)
    person.until(lambda: not studio.dialogue.busy)
    assert len(person.last_answer.text) == MEGABYTES * 1_000_000
    person.until(lambda: not studio.database_lane.busy)
    watch.enter("10 MB in one line: opened again")
    conversation = studio.dialogue.conversation
    assert conversation is not None
    studio.dialogue.new()
    studio.dialogue.open(conversation)
    person.until(lambda: len(studio.dialogue.turns) == 2 and not page.transcript._due)
    assert "more characters" in person.last_answer._body.left_out
    watch.enter("10 MB in one line: edited")
    page.transcript.edit_wanted.emit(studio.dialogue.turns[0].id)
    assert page.prompt.editing


@pytest.mark.long
def test_ten_megabytes_are_refused_by_the_real_base(opened: Opened, watch: EventLoopWatch) -> None:
    person = opened()
    studio, page = person.studio, person.studio.chat_page
    watch.start()
    watch.enter("10 MB to the real base")
    page.prompt.sent.emit("x" * (MEGABYTES * 1_000_000))
    person.until(lambda: not studio.dialogue.busy)
    assert "does not fit" in studio.notices.toasts[-1].sentences[0]
    assert page.prompt.text == ""
    assert len(page.prompt.attached) == 1, "it comes back, as an attachment"


@pytest.mark.long
def test_a_table_of_a_hundred_thousand_rows(opened: Opened, watch: EventLoopWatch) -> None:
    rows = [f"| {number} | value of {number} | {number * 7} |\n" for number in range(ROWS)]
    head = "| number | value | seven |\n| --- | --- | --- |\n"
    pieces = [head, *("".join(rows[at : at + 100]) for at in range(0, ROWS, 100))]
    person = opened(FakeEngine(pieces=pieces))
    studio = person.studio
    watch.start()
    watch.enter("a table of 100,000 rows: streams")
    studio.chat_page.prompt.sent.emit("A long table, please.")
    person.until(lambda: not studio.dialogue.busy)
    assert person.last_answer.text.count("\n") == ROWS + 2
    person.until(lambda: not studio.database_lane.busy)
    watch.enter("a table of 100,000 rows: opened again")
    conversation = studio.dialogue.conversation
    assert conversation is not None
    studio.dialogue.new()
    studio.dialogue.open(conversation)
    person.until(lambda: len(studio.dialogue.turns) == 2)
    person.until(lambda: not studio.chat_page.transcript._due)


@pytest.mark.long
def test_four_columns_stream_at_once(opened: Opened, watch: EventLoopWatch) -> None:
    person = opened()
    page = person.studio.chat_page
    watch.start()
    watch.enter("four columns: made")
    page._compare.click()
    view = page.compare_view
    person.until(lambda: "document-classifier alone" in view._choices)
    view.add_column("json-parser alone")
    view.add_column("document-classifier alone")
    view.columns[0].choose("Base alone")
    view.columns[1].choose("The stack at the right")
    watch.enter("four columns: stream")
    for _ in range(2):
        page.prompt.set_text(
            "Extract name, age, city, phone, email, street, country, job, company, price, date "
            "and total as JSON: Maria Silva is 34 and lives in Porto."
        )
        page.prompt._submit()
        assert page.compare.busy
        person.until(lambda: not page.compare.busy)
    for column in view.columns:
        assert column.answer is not None
        assert column.question is not None
        assert column.answer.stack == column.question.stack
