"""The watch sees a main thread that stood still, and files it under its phase."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest
from pytestqt.qtbot import QtBot

from expert_studio.runtime.event_loop_watch import EventLoopWatch


def test_a_standing_loop_is_seen_in_its_phase(qtbot: QtBot) -> None:
    watch = EventLoopWatch()
    watch.start()
    qtbot.wait(50)
    watch.enter("import")
    time.sleep(0.2)
    watch.enter("rest")
    qtbot.wait(50)
    watch.stop()
    longest = {gap.phase: gap.gap_ms for gap in watch.longest()}
    assert longest["import"] > 150
    assert ("import", longest["import"]) in watch.gaps_over(150)
    assert set(longest) == {"start", "import", "rest"}


_WATCHED = """
import json, sys
from PySide6.QtCore import QCoreApplication, QTimer
from expert_studio.runtime.event_loop_watch import EventLoopWatch

app = QCoreApplication([])
watch = EventLoopWatch()
watch.start()
watch.enter("checking")
said = QTimer()
said.timeout.connect(lambda: print("going", flush=True))
said.start(20)

def look():
    if watch.stopped:
        watch.stop()
        app.quit()

looks = QTimer()
looks.timeout.connect(look)
looks.start(20)
app.exec()
print(json.dumps({"stopped": watch.stopped, "longest": max(g.gap_ms for g in watch.longest())}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no process is stopped by a signal there")
def test_a_process_that_was_stopped_has_no_gap_of_its_own() -> None:
    """A gap of 105 s was once told of a window whose process another program had stopped."""
    child = subprocess.Popen([sys.executable, "-c", _WATCHED], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "going\n"
        child.send_signal(signal.SIGSTOP)
        process = psutil.Process(child.pid)
        while process.status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        stopped_s = time.monotonic()
        time.sleep(1.5)
        least_ms = (time.monotonic() - stopped_s) * 1000 - 10
        child.send_signal(signal.SIGCONT)
        told = json.loads(child.communicate()[0].splitlines()[-1])
    finally:
        child.kill()
        child.wait()
    ((phase, gap_ms),) = told["stopped"]
    assert phase == "checking"
    assert gap_ms >= least_ms > told["longest"]
