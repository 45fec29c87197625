"""A run is weighed against what is free, with and without the chat, before it starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from expert_studio.core import planning
from expert_studio.core.planning import plan_run
from expert_studio.core.settings import Folders
from expert_studio.core.training.measured_memory import note_peak
from tests.core.training.runs import tiny_recipe, write_data


def test_chat_and_run_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_data(tmp_path)
    folders = Folders(tmp_path)
    plan = plan_run(tiny_recipe(), folders, tmp_path)
    assert plan.device == "cpu"
    assert plan.from_data
    assert 40 < plan.tokens <= 160
    assert plan_run(tiny_recipe(), folders, tmp_path).memory == plan.memory
    need = plan.memory.total
    assert "are free" in replace(plan, free_bytes=need).words()
    monkeypatch.setattr(planning, "free_bytes", lambda: need - 1)
    beside_chat = plan_run(tiny_recipe(), folders, tmp_path, chat_bytes=1 << 30)
    assert not beside_chat.fits
    assert beside_chat.fits_without_chat
    assert "Unloading the chat's base frees 1.0 GiB" in beside_chat.words()
    folders.runs.mkdir()
    note_peak(folders.runs, "a-run", "cpu", 120, 100)
    alone = plan_run(tiny_recipe(), folders, tmp_path)
    assert not alone.fits_without_chat
    assert alone.change is not None
    assert "batch_size to 2" in alone.words()
    assert "off by +20%" in alone.words()
