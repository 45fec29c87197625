"""A weight is changed while an answer streams: paused, read again, gone on; kept over a restart.

Through the real window on the real base, in fp32 and greedy, so that what the new stack said can
be held against a fresh process that is given prompt and text so far. The longest standstill of
the event loop is printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio
from expert_studio.core.inference.history import Turn
from expert_studio.core.settings import Folders, bundled_experts_folder
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from tests.studio_driver import Person

PROMPT = (
    "Extract name, age, city, phone, email, street, country, job, company, price, date, time, "
    "event, product and total as JSON: Maria Silva is 34 and lives in Porto."
)

# Given the folder of a conversation's database: says the first part again, then asks each next
# stack, which has seen nothing yet, for the likeliest tokens after prompt and text so far.
FRESH = """
import sys
from pathlib import Path
from expert_studio.core.inference.conversation import BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.history import History

history = History(Path(sys.argv[1]))
asked, answer = history.turns(history.conversations()[0].id)
history.close()
base = Path(sys.argv[2])
greedy = Sampling(max_tokens=answer.spans[0].end, temperature=0.0, logprobs=0)
question = [Message("user", asked.text)]
first = load_engine(BaseRequest(base, "fp32", "cpu"), lambda _: None)
said = [
    one.token
    for one in first.generate(
        question, answer.spans[0].stack, greedy, lambda _: None, lambda: False
    ).said
]
first.close()
engine = load_engine(BaseRequest(base, "fp32", "cpu"), lambda _: None)
ids = engine.prompt_ids(question)
for span in answer.spans[1:]:
    while len(said) < min(span.end, span.start + 24):
        said.append(int(engine.logits([*ids, *said], span.stack)[-1].argmax()))
engine.close()
from expert_studio.core.inference.tokenizer import ChatTokenizer
tokenizer = ChatTokenizer(base)
whole = b"".join(tokenizer.token_bytes(token) for token in said).decode(errors="ignore")
sys.stdout.buffer.write(whole.encode())
"""

Opened = Callable[[], Person]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    settings = {"first_run_done": True, "quantization": "fp32", "device": "cpu"}
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def opened(qapp: QApplication, qtbot: QtBot, data: Path) -> Iterator[Opened]:
    studios: list[Studio] = []

    def open_it() -> Person:
        studio = Studio(qapp, Folders(data), bundled_experts=bundled_experts_folder())
        studios.append(studio)
        studio.open()
        person = Person(studio, qtbot)
        person.until(lambda: studio.loaded_base() is not None)
        person.until(lambda: len(studio.chat_page.composer.rows) == 6)
        return person

    yield open_it
    for studio in studios:
        studio.window.close()
        studio.window.deleteLater()
    qapp.setStyleSheet("")


def test_a_weight_changed_during_an_answer(
    opened: Opened, data: Path, watch: EventLoopWatch
) -> None:
    person = opened()
    studio = person.studio
    person.tick("json-parser")
    watch.start()
    watch.enter("changing the stack of an answer")
    person.type_and_send(PROMPT)
    person.until(lambda: len(person.last_answer.text) > 3)
    person.row("json-parser").weighed.emit("json-parser", 0.8)
    person.row("json-parser").weighed.emit("json-parser", 0.6)  # dragged: one change in the end
    person.until(lambda: bool(person.last_answer.changes) or not studio.dialogue.busy)
    shown = len(person.last_answer.changes)
    person.until(lambda: not studio.dialogue.busy)
    watch.stop()
    turn = person.last_answer.turn
    assert shown == 1, "shown while it streamed"
    assert [span.stack.members[0].weight for span in turn.spans] == [1.0, 0.6]
    assert 0 < turn.spans[1].text_start < len(turn.text)
    assert turn.spans[0].end == turn.spans[1].start < turn.spans[1].end
    assert turn.context_used > turn.spans[1].end
    person.until(lambda: not studio.database_lane.busy)
    studio.close()

    said = _said_by_a_fresh_process(data)
    assert turn.text.startswith(said)
    assert len(said) > turn.spans[1].text_start, "and some of the second part"

    again = opened()
    again.studio.dialogue.open(again.studio.chat_page.conversations.first)
    again.until(lambda: len(again.studio.dialogue.turns) == 2)
    kept: Turn = again.studio.dialogue.turns[1]
    assert (kept.text, kept.spans) == (turn.text, turn.spans)
    assert [change.stack for change in again.last_answer.changes] == [turn.spans[1].stack]


def _said_by_a_fresh_process(data: Path) -> str:
    folders = Folders(data)
    child = subprocess.run(
        [sys.executable, "-c", FRESH, str(folders.database), str(folders.bundled_base)],
        capture_output=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr.decode()
    return child.stdout.decode()
