"""The watch sees a main thread that stood still, and files it under its phase."""

from __future__ import annotations

import time

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
