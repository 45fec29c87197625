"""What happens to an answer in the chat page: read, changed under way, judged; fake engine."""

from __future__ import annotations

import json
from collections.abc import Callable

from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QPlainTextEdit, QPushButton

from expert_studio.core.datasets.document_prompt import (
    DocumentLabel,
    classification_prompt,
    read_label,
)
from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.experts.library import Library
from expert_studio.views.widgets.answer_foot import AnswerFoot
from expert_studio.views.widgets.correction_dialog import CorrectionDialog, DatasetDialog
from expert_studio.views.widgets.label_dialog import LabelDialog
from expert_studio.views.widgets.rich_text import CodeFrame
from tests.fake_engine import FakeEngine
from tests.studio_driver import Person

Opened = Callable[[FakeEngine], Person]


def _streaming(opened: Opened, pieces: tuple[str, str]) -> tuple[Person, FakeEngine]:
    engine = FakeEngine(pieces=pieces)
    engine.gate.clear()
    person = opened(engine)
    person.type_and_send("hi")
    person.until(lambda: person.last_answer.text == pieces[0])
    return person, engine


def _end(person: Person, engine: FakeEngine) -> None:
    engine.gate.set()
    person.until(lambda: not person.studio.dialogue.busy)
    person.until(lambda: not person.studio.database_lane.busy)


def _change_reaches_the_lane(person: Person) -> None:
    person.until(lambda: not person.studio.dialogue._settling.isActive())


def test_a_stack_changed_under_way_goes_on_with_the_answer(opened: Opened) -> None:
    person, engine = _streaming(opened, ("```json\n{", '"a": 1}\n```\n'))
    person.tick("json-parser")
    _change_reaches_the_lane(person)
    _end(person, engine)
    answer = person.last_answer
    turn = answer.turn
    assert [len(span.stack.members) for span in turn.spans] == [0, 1]
    assert turn.spans[1].text_start == len("```json\n{")
    assert [change.stack for change in answer.changes] == [turn.spans[1].stack]
    assert "Stack changed here: json-parser" in answer.changes[0].accessibleName()
    frames = [f for f in answer.findChildren(CodeFrame) if not f.isHidden()]
    assert len(frames) == 2, "a fence that was open is opened again"
    assert " → " in answer.facts
    assert answer.reading == ""
    person.studio.close()

    again = opened(FakeEngine())
    again.until(lambda: len(again.studio.chat_page.conversations.titles) == 1)
    again.studio.dialogue.open(again.studio.chat_page.conversations.first)
    again.until(lambda: bool(again.studio.chat_page.transcript.answers))
    assert again.last_answer.turn.spans == turn.spans
    assert len(again.last_answer.changes) == 1
    assert again.studio.chat_page.prompt.context == person.studio.chat_page.prompt.context


def test_the_part_is_shown_while_it_streams_and_on_return(opened: Opened) -> None:
    engine = FakeEngine(pieces=("one", " two", " three"))
    person = opened(engine)
    heard: list[str] = []

    def hold(_: str, text: str) -> None:
        heard.append(text)

    person.studio.dialogue.text_arrived.connect(hold)
    engine.gate.clear()
    person.type_and_send("hi")
    person.until(lambda: person.last_answer.text.startswith("one"))
    person.tick("json-parser")
    _change_reaches_the_lane(person)
    _end(person, engine)
    page, dialogue = person.studio.chat_page, person.studio.dialogue
    assert len(person.last_answer.changes) == 1
    dialogue.new()
    dialogue.open(page.conversations.first)
    person.until(lambda: len(page.transcript.answers) == 1)
    assert len(person.last_answer.changes) == 1
    assert "".join(heard) == person.last_answer.text == "one two three"


def test_a_broken_answer_keeps_which_stack_said_what(opened: Opened) -> None:
    person, engine = _streaming(opened, ("one", " two"))
    engine.failure = RuntimeError("lost")
    person.tick("json-parser")
    _change_reaches_the_lane(person)
    engine.gate.set()
    person.until(lambda: QApplication.activeModalWidget() is not None)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, QDialog)
    dialog.accept()
    person.until(lambda: not person.studio.dialogue.busy)
    person.until(lambda: not person.studio.database_lane.busy)
    conversation = person.studio.history.conversations()[0]
    kept = person.studio.history.turns(conversation.id)[1]
    assert (kept.state, kept.text) == ("failed", "one two")
    assert [span.text_start for span in kept.spans] == [0, 3]
    assert len(person.last_answer.changes) == 1


def test_a_change_for_another_conversation_leaves_the_answer_alone(opened: Opened) -> None:
    person, engine = _streaming(opened, ("one", " two"))
    person.studio.dialogue.new()
    person.tick("json-parser")
    _change_reaches_the_lane(person)
    _end(person, engine)
    conversation = person.studio.history.conversations()[0]
    assert person.studio.history.turns(conversation.id)[1].spans == ()


def test_a_long_prompt_is_shown_being_read_and_stopped(opened: Opened) -> None:
    engine = FakeEngine(reads=((0, 2048), (256, 2048)))
    engine.read_gate.clear()
    person = opened(engine)
    person.type_and_send("hi")
    answers = person.studio.chat_page.transcript
    person.until(lambda: bool(answers.answers) and "0 of 2,048" in person.last_answer.reading)
    person.press_escape()
    person.until(lambda: not person.studio.dialogue.busy)
    assert person.last_answer.turn.state == "cancelled"
    assert person.last_answer.reading == ""


def test_context_used_is_shown(opened: Opened) -> None:
    person = opened(FakeEngine())
    assert person.studio.chat_page.prompt.context == "context 0 / 4,096"
    person.type_and_send("hi")
    person.until(lambda: not person.studio.dialogue.busy)
    assert person.studio.chat_page.prompt.context == "context 17 / 4,096"


def test_a_ticked_expert_is_read_ahead(opened: Opened) -> None:
    engine = FakeEngine()
    person = opened(engine)
    person.tick("english-basic")
    person.until(lambda: bool(engine.attached))
    assert [member.name for member in engine.attached[-1].members] == ["english-basic"]
    assert not engine.asked
    person.type_and_send("hi")
    person.until(lambda: not person.studio.dialogue.busy)
    person.studio.dialogue.new()
    person.tick("english-basic")  # off
    person.tick("json-parser")
    person.until(lambda: engine.attached[-1].members[0].name == "json-parser")
    before = len(engine.attached)
    person.studio.dialogue.open(person.studio.chat_page.conversations.first)
    person.until(lambda: len(engine.attached) > before)
    assert engine.attached[-1].members[0].name == "english-basic", "of the conversation opened"


def _rows(person: Person, dataset: str) -> list[tuple[str, str]]:
    with DatasetFolders(person.studio._folders.datasets).open(dataset) as store:
        rows = store.window()
    said = []
    for row in rows:
        item = row.item
        assert isinstance(item, Example | PreferencePair)
        said.append((row.state, item.answer if isinstance(item, Example) else item.chosen))
    return said


def _press(person: Person, verdict: str) -> None:
    foot = person.last_answer.findChild(AnswerFoot)
    assert foot is not None
    foot.press(verdict)


def _dialog(person: Person) -> QDialog:
    person.until(lambda: QApplication.activeModalWidget() is not None)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, QDialog)
    return dialog


def _undo(person: Person) -> None:
    toast = person.studio.notices.toasts[-1]
    next(b for b in toast.findChildren(QAbstractButton) if b.text() == "Undo").click()
    person.until(lambda: not person.studio.background.busy)


def test_good_bad_and_corrected_answers_become_rows(opened: Opened) -> None:
    person = opened(FakeEngine())
    notices = person.studio.notices
    person.type_and_send("hi")
    person.until(lambda: not person.studio.dialogue.busy)
    _press(person, "good")
    choosing = _dialog(person)  # asked the first time only
    assert isinstance(choosing, DatasetDialog)
    choosing.choose("from chat!")  # no such name
    assert choosing.isVisible()
    choosing.choose("from-chat")
    person.until(lambda: len(notices.toasts) == 1)
    assert "from-chat" in notices.toasts[0].sentences[0]
    assert _rows(person, "from-chat") == [("accepted", "hello")]
    _undo(person)
    assert _rows(person, "from-chat") == []

    _press(person, "bad")
    person.until(lambda: len(notices.toasts) == 1)
    assert _rows(person, "from-chat") == [("rejected", "hello")]

    _press(person, "correct")
    writing = _dialog(person)
    assert isinstance(writing, CorrectionDialog)
    assert not writing.keep.isEnabled()
    writing.write("hello, world", pair=True)
    writing.keep.click()
    person.until(lambda: len(notices.toasts) == 2)
    assert _rows(person, "from-chat") == [("accepted", "hello, world")]
    person.until(lambda: not person.studio.database_lane.busy)
    settings = json.loads(person.studio._folders.settings_file.read_text())
    assert settings["corrections"] == "from-chat"


def test_a_corrected_label_becomes_a_row(opened: Opened) -> None:
    given = '{"type": "log", "language": "", "technologies": ["nginx"]}'
    person = opened(FakeEngine(pieces=[given]))
    editor = person.studio.chat_page.prompt.findChild(QPlainTextEdit)
    assert editor is not None
    editor.setPlainText(classification_prompt("a.conf", "server {\n\nlisten 80; }"))
    person.type_and_send(" ")
    person.until(lambda: not person.studio.dialogue.busy)
    _press(person, "correct")
    asking = _dialog(person)
    assert isinstance(asking, LabelDialog)
    assert asking.label == read_label(given)
    assert not asking.keep.isEnabled()
    asking.write(DocumentLabel("configuration", "nginx", ("nginx",)), "labels")
    asking.keep.click()
    person.until(lambda: len(person.studio.notices.toasts) == 1)
    with DatasetFolders(person.studio._folders.datasets).open("labels") as store:
        (row,) = store.window()
    item = row.item
    assert isinstance(item, ClassifiedDocument)
    assert (item.path, item.content) == ("a.conf", "server {\n\nlisten 80; }")
    assert (item.type, item.language, item.technologies) == ("configuration", "nginx", ("nginx",))
    assert row.state == "accepted"
    _undo(person)
    with DatasetFolders(person.studio._folders.datasets).open("labels") as store:
        assert store.count() == 0

    _press(person, "correct")
    asking = _dialog(person)
    assert isinstance(asking, LabelDialog)
    asking.findChild(QPushButton, "as text").click()
    person.until(lambda: isinstance(QApplication.activeModalWidget(), CorrectionDialog))
    _dialog(person).reject()


def test_a_grammar_that_a_package_asks_for(opened: Opened) -> None:
    engine = FakeEngine()
    person = opened(engine)
    page = person.studio.chat_page
    library = Library(person.studio._folders.library)
    (folder,) = (e.folder for e in library.experts() if e.name == "english-basic")
    manifest = json.loads((folder / "manifest.json").read_text())
    training = {**(manifest.get("training") or {})}
    training["decoding"] = {**training.get("decoding", {}), "use_grammar": True}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "training": training}))
    (folder / "grammar.gbnf").write_text('root ::= "yes" | "no"')
    page.set_experts(Library(library.root).experts())
    assert page.prompt.grammar == ""
    person.tick("english-basic")
    assert page.prompt.grammar == "Grammar: on"
    person.type_and_send("one")
    person.until(lambda: len(engine.asked) == 1 and not person.studio.dialogue.busy)
    page.prompt.press_grammar()
    assert page.prompt.grammar == "Grammar: off"
    person.type_and_send("two")
    person.until(lambda: len(engine.asked) == 2 and not person.studio.dialogue.busy)
    constraints = [sampling.constraint for _, _, sampling in engine.asked]
    assert constraints[0] is not None
    assert constraints[0].source == 'root ::= "yes" | "no"'
    assert constraints[1] is None
    person.tick("english-basic")
    assert page.prompt.grammar == ""
