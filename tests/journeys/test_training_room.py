"""Where a run has no room beside the chat, its base makes room and comes back when asked."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from expert_studio.core import planning
from expert_studio.core.planning import RunPlan
from tests.journeys.training_stage import Stage


def test_the_chats_base_makes_room_for_a_run_and_answers_the_next_question(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.made_dataset("my-rows", 30)
    studio, wizard = stage.studio, stage.studio.train_page.wizard
    stage.until(lambda: studio.loaded_base() is not None)
    base = studio.loaded_base()
    assert base is not None
    needed: list[int] = []
    whole = planning.training_estimate
    lane = studio.model_thread._lane

    def noted(*asked: object) -> object:
        memory = whole(*asked)  # type: ignore[arg-type]
        needed.append(memory.total)
        return memory

    def free() -> int:
        """A machine on which the run fits only where the chat's base does not lie as well."""
        lacks = base.resident_bytes if lane._engine is not None else 0
        return 1 << 40 if not needed else max(needed) + base.resident_bytes // 2 - lacks

    monkeypatch.setattr(planning, "training_estimate", noted)
    monkeypatch.setattr(planning, "free_bytes", free)
    plans: list[RunPlan] = []
    shown = wizard.foot.show_plan
    monkeypatch.setattr(wizard.foot, "show_plan", lambda plan: (plans.append(plan), shown(plan)))

    studio.train_page.begin_wizard()
    stage.until(lambda: bool(plans))  # of a machine with room, to learn what is needed
    assert not wizard.foot.unload.isVisible()
    wizard.set_value("card.author", "Ann")  # the same rows in the same batches, asked anew
    stage.until(wizard.foot.unload.isVisible)
    assert "the next question in the chat loads it again" in wizard.memory
    stage.press(wizard.foot.unload)
    stage.until(wizard.foot.unload.isHidden)
    assert plans[-1].fits
    assert plans[-1].chat_bytes == 0
    assert lane._engine is None
    assert f"{base.name} is unloaded" in studio.window.status.text
    assert wizard.ready

    studio.window.show_page("chat")
    studio.chat_page.prompt.sent.emit("Extract name as JSON: Maria lives in Porto.")
    stage.until(lambda: bool(studio.dialogue.turns) and not studio.dialogue.busy)
    assert studio.dialogue.turns[-1].text
    assert studio.loaded_base() == base
    stage.until(lambda: base.name in studio.window.status.text)
    assert "is unloaded" not in studio.window.status.text
    stage.until(lambda: not studio.background.busy and not studio.database_lane.busy)
