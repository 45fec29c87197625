"""What a run meets on a real machine: a full disk, a card that is lost, a lid that is shut."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, worker
from expert_studio.core.training.events import CheckpointSaved, EventLog, Launched
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.trace import RunTrace
from expert_studio.core.training.trainer_callback import tokens_per_s
from expert_studio.core.training.trainer_loss import AdapterTrainer
from tests.core.training import runs
from tests.synthetic_runs import append, step_lines, write_run

FULL = Path("/dev/full")  # takes no byte: every write there meets ENOSPC
LOST = "CUDA error: unspecified launch failure\nCompile with TORCH_USE_CUDA_DSA"

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # transformers' own


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    """Ten steps with a checkpoint every four, ready to be trained in this process."""
    runs.write_data(tmp_path)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE",
                 "HF_HUB_DISABLE_TELEMETRY", "TOKENIZERS_PARALLELISM"):  # fmt: skip
        monkeypatch.setenv(name, "1")  # the worker sets them; they go back afterwards
    before = signal.getsignal(signal.SIGTERM)
    recipe = runs.tiny_recipe(
        schedule={"max_steps": 10, "learning_rate": 0.01, "warmup_steps": 0},
        watching={"eval_rows": 0, "save_every": 4},
    )
    yield launch.prepare(recipe, Folders(tmp_path), tmp_path)
    signal.signal(signal.SIGTERM, before)


def worked(run: RunFolder) -> int:
    """One session of the worker, told as the launcher tells it."""
    checkpoint = run.checkpoint()
    step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    EventLog(run.events_path).append(Launched(time.time(), 0, step))
    return worker._train(run)


def goes_on_from_four(run: RunFolder, kept: dict[str, str]) -> None:
    checkpoint = run.checkpoint()
    assert checkpoint is not None
    assert checkpoint.name == "checkpoint-4"
    assert hashes(checkpoint) == kept
    assert worked(run) == 0
    assert run.state().status == "finished"
    after = [event for event in runs.session(run) if isinstance(event, CheckpointSaved)]
    assert [event.step for event in after] == [8, 10]
    steps = [step.step for step in runs.steps(run)]
    assert steps[-6:] == [5, 6, 7, 8, 9, 10]


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: runs.sha256(path) for path in folder.iterdir() if path.is_file()}


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
def test_a_disk_that_fills_up_during_a_checkpoint_loses_nothing_before_it(run: RunFolder) -> None:
    at_eight = run.checkpoints_folder / "checkpoint-8"
    at_eight.mkdir(parents=True)
    (at_eight / "optimizer.pt").symlink_to(FULL)
    assert worked(run) == 10
    state = run.state()
    assert (state.status, state.step) == ("failed", 8)
    assert state.outcome is not None
    assert state.outcome.what == "The training stopped because the disk is full."
    assert "resume" in state.outcome.remedy
    assert not at_eight.exists()  # half a checkpoint makes room
    goes_on_from_four(run, hashes(run.checkpoints_folder / "checkpoint-4"))


def test_a_lost_card_ends_the_run_with_a_sentence_and_it_goes_on(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = AdapterTrainer.training_step

    def lost(self: AdapterTrainer, *asked: Any, **named: Any) -> Any:
        if self.state.global_step == 6:
            raise RuntimeError(LOST)  # as torch words it
        return honest(self, *asked, **named)

    monkeypatch.setattr(AdapterTrainer, "training_step", lost)
    assert worked(run) == 10
    state = run.state()
    assert (state.status, state.step) == ("failed", 6)
    assert state.outcome is not None
    assert "graphics card or its driver failed" in state.outcome.what
    assert state.outcome.why == "CUDA error: unspecified launch failure."
    monkeypatch.undo()
    goes_on_from_four(run, hashes(run.checkpoints_folder / "checkpoint-4"))


def test_a_night_between_two_steps_is_no_work(tmp_path: Path) -> None:
    awake = write_run(tmp_path / "awake", "awake-run", 40, 100)
    slept = write_run(tmp_path / "slept", "slept-run", 0, 100)
    lines = step_lines(awake, 40, 100)
    asleep_s = 8 * 3600.0
    for line in lines:
        line["at_s"] += asleep_s if line["step"] > 30 else 0
    append(slept, lines)
    paces = []
    for run in (awake, slept):
        trace = RunTrace(run)
        trace.read()
        paces.append(trace.glance().pace)
    assert paces[1].step == 40
    assert paces[1].left_s == pytest.approx(paces[0].left_s, rel=0.05)
    assert paces[1].steps_per_s == pytest.approx(paces[0].steps_per_s, rel=0.05)


def test_the_worker_counts_no_tokens_a_second_while_the_machine_sleeps() -> None:
    steady = [(0.5 * n, 400 * n) for n in range(21)]
    assert tokens_per_s(steady) == 800.0
    slept = [(at_s + (40_000.0 if n > 10 else 0.0), tokens) for n, (at_s, tokens) in
             enumerate(steady)]  # fmt: skip
    assert tokens_per_s(slept) == 800.0
    slower = [(at_s + (9.0 if n > 10 else 0.0), tokens) for n, (at_s, tokens) in enumerate(steady)]
    assert tokens_per_s(slower) < 500.0  # measuring and saving do count
    assert all(later[0] > was[0] for was, later in pairwise(slower))
