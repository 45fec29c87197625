"""Several processes train one run: one curve, one checkpoint, the losses of one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.events import CheckpointSaved, Ended, Step
from expert_studio.core.training.run_folder import RunFolder
from tests.core.training import runs


def trained(home: Path, processes: int, batch_size: int) -> RunFolder:
    adapter = {"r": 4, "alpha": 8, "dropout": 0.0, "target_modules": ["q_proj", "down_proj"]}
    recipe = runs.tiny_recipe(
        adapter=adapter,
        processes=processes,
        schedule={"max_steps": 4, "learning_rate": 0.01, "warmup_steps": 1},
        batches={"batch_size": batch_size, "max_length": 160},
        watching={"eval_rows": 4, "eval_every": 2, "save_every": 2},
    )
    run = launch.start(recipe, Folders(home), home)
    runs.until_over(run)
    return run


@pytest.mark.long
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """About half a minute on two cores: three imports of torch's world, twice."""
    runs.write_data(tmp_path)
    alone = trained(tmp_path, 1, 4)
    both = trained(tmp_path, 2, 2)
    for run in (alone, both):
        assert run.state().status == "finished", run.log_path.read_text()
    events = both.events()
    assert [e.step for e in events if isinstance(e, Step)] == [1, 2, 3, 4]
    assert [e.step for e in events if isinstance(e, CheckpointSaved)] == [2, 4]
    assert sum(isinstance(event, Ended) for event in events) == 1
    losses = [step.loss for step in runs.steps(both)]
    assert losses == pytest.approx([step.loss for step in runs.steps(alone)], rel=1e-3)
    assert [s.tokens for s in runs.steps(both)] == [s.tokens for s in runs.steps(alone)]
    assert (both.adapter_folder / "adapter_model.safetensors").is_file()
