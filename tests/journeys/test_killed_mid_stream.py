"""A window killed while an answer streams loses no more than its last second."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from expert_studio.core.inference.history import History
from expert_studio.core.settings import Folders

CHILD = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from expert_studio.app import Studio
from expert_studio.core.settings import Folders
from tests.fake_engine import FakeEngine, factory_of

data = Path(sys.argv[1])
engine = FakeEngine(pieces=("this much ", "and no more"))
engine.gate.clear()
application = QApplication([])
studio = Studio(application, Folders(data), factory_of(engine), bundled_experts=data)
studio.model_thread.base_ready.connect(lambda base: studio.chat_page.prompt.sent.emit("hi"))

def die_once_kept():
    if any(turn.text == "this much " for turn in studio.history.turns(asked())):
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

def asked():
    conversation = studio.dialogue.conversation
    return conversation.id if conversation else ""

watch = QTimer()
watch.timeout.connect(die_once_kept)
watch.start(50)
studio.open()
application.exec()
"""


def test_what_was_kept_is_there_after_a_kill(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )
    assert ended.returncode != 0
    history = History(Folders(tmp_path).database)
    (conversation,) = history.conversations()
    said, cut_off = history.turns(conversation.id)
    assert said.text == "hi"
    assert (cut_off.text, cut_off.state) == ("this much ", "streaming")
    history.close()
