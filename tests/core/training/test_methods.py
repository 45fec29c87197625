"""Every method and every kind of adapter learns, on the bundled base, through the trainer."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from expert_studio.core.errors import DatasetError, TrainingError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.stack import Stack, StackMember
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.clone import clone
from expert_studio.core.training.events import (
    BestKept,
    Ended,
    Evaluated,
    EventLog,
    Launched,
    Sampled,
    Scored,
    Step,
)
from expert_studio.core.training.package import pack
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.trainer import train
from expert_studio.core.training.trainer_callback import Wishes
from expert_studio.core.training.trainer_loss import AdapterTrainer
from expert_studio.core.training.trainer_model import build_model, load_start
from tests.core.training import runs
from tests.expert_factory import installed_expert

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # transformers' own
IDS = list(range(300, 340))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    runs.write_data(tmp_path)
    runs.write_pairs(tmp_path)
    return tmp_path


def trained(home: Path, **changes: Any) -> RunFolder:
    """A run of the tiny recipe, in this process."""
    run = launch.prepare(runs.tiny_recipe(**changes), Folders(home), home)
    assert not train(run, EventLog(run.events_path), Wishes()).stopped
    return run


def watched(run: RunFolder) -> list[Evaluated]:
    return [event for event in run.events() if isinstance(event, Evaluated)]


def adapter(kind: str) -> dict[str, Any]:
    if kind == "ia3":
        return {"kind": kind}
    if kind == "soft_prompt":
        return {"kind": kind, "soft_tokens": 8}
    return {"kind": kind, "r": 4, "alpha": 8, "target_modules": ["q_proj", "v_proj", "down_proj"]}


def same_in_the_engine(run: RunFolder, quantization: str = "fp32") -> bool:
    """Whether the written adapter gives the logits that PEFT gives with it, and not the base's."""
    folder = run.adapter_folder
    model = build_model(run.places, run.recipe, torch.device("cpu")).eval()
    load_start(model, folder)
    with torch.no_grad():
        wanted = model(input_ids=torch.tensor([IDS])).logits[0, -len(IDS) :].float()
    request = BaseRequest(Path(run.places.base_folder), quantization, "cpu")  # type: ignore[arg-type]
    engine = load_engine(request, lambda _share: None)
    try:
        weights = runs.sha256(folder / "adapter_model.safetensors")
        member = StackMember("tiny-json", "1.0.0", weights, 1.0, 1, "format", folder)
        stack = Stack((member,), engine.base.sha256, engine.base.quantization)
        given, plain = engine.logits(IDS, stack), engine.logits(IDS)
    finally:
        engine.close()
    bound = 1e-5 if quantization == "fp32" else 2e-2
    assert torch.linalg.norm(plain - wanted) / torch.linalg.norm(wanted) > 2 * bound
    return bool(torch.linalg.norm(given - wanted) / torch.linalg.norm(wanted) < bound)


@pytest.mark.parametrize(
    "kind", ["lora", pytest.param("dora", marks=pytest.mark.long), "ia3", "soft_prompt"]
)
def test_each_kind_lowers_the_loss_and_answers_in_the_engine_as_in_peft(
    home: Path, kind: str
) -> None:
    rate = {"lora": 0.01, "dora": 0.01, "ia3": 0.05, "soft_prompt": 0.1}[kind]
    schedule = {"max_steps": 12, "learning_rate": rate, "warmup_steps": 1}
    run = trained(
        home,
        adapter=adapter(kind),
        schedule=schedule,
        watching={"eval_rows": 6, "eval_every": 1, "save_every": 12},
    )
    losses = [event.loss for event in watched(run)]
    assert losses[-1] < losses[0] - 0.05
    assert same_in_the_engine(run)


@pytest.mark.parametrize(
    "kind",
    [
        "lora",
        pytest.param("dora", marks=pytest.mark.long),
        pytest.param("ia3", marks=pytest.mark.long),
    ],
)
def test_preference_learning_prefers_what_was_chosen(home: Path, kind: str) -> None:
    run = trained(
        home,
        method="dpo",
        datasets=[{"path": "pairs.jsonl"}],
        adapter=adapter(kind),
        schedule={"max_steps": 10, "learning_rate": 0.02 if kind == "ia3" else 0.005},
        watching={"eval_rows": 6, "eval_every": 5, "save_every": 10},
    )
    first = next(event for event in run.events() if isinstance(event, Step))
    # Reference and start are one: before anything is learned no answer is rewarded.
    assert first.reward_margin == pytest.approx(0.0, abs=1e-6)
    assert first.loss == pytest.approx(math.log(2), abs=1e-6)
    measured = watched(run)
    assert measured[-1].reward_accuracy >= 0.8
    assert measured[-1].reward_margin > 0.05
    assert same_in_the_engine(run)


def test_the_reference_is_the_expert_that_was_started_from(home: Path) -> None:
    start = installed_expert(Library(Folders(home).library), "tiny-start", rank=4)
    run = trained(
        home,
        method="dpo",
        datasets=[{"path": "pairs.jsonl"}],
        start={"name": "tiny-start"},
        schedule={"max_steps": 3, "learning_rate": 0.005, "warmup_steps": 0},
        watching={"eval_rows": 0, "save_every": 3},
    )
    assert run.recipe.start is not None
    assert run.recipe.start.weights_sha256 == start.weights_sha256
    assert run.recipe.adapter.target_modules == ("q_proj", "v_proj")
    first = next(event for event in run.events() if isinstance(event, Step))
    assert first.reward_margin == pytest.approx(0.0, abs=1e-6)
    before = load_file(start.weights_path)
    after = load_file(run.adapter_folder / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_rejected_answer_counts(home: Path) -> None:
    def losses(rows: str) -> list[float]:
        run = trained(
            home,
            method="dpo",
            datasets=[{"path": rows}],
            schedule={"max_steps": 3, "learning_rate": 0.01, "warmup_steps": 0},
            watching={"eval_rows": 0, "save_every": 3},
        )
        return [event.loss for event in run.events() if isinstance(event, Step)]

    other = (home / "pairs.jsonl").read_text().replace('"rejected": "', '"rejected": "No. ')
    (home / "other.jsonl").write_text(other)
    assert losses("pairs.jsonl")[1:] != losses("other.jsonl")[1:]


def test_packed_rows_are_learned_as_if_each_stood_alone(home: Path) -> None:
    """One step over the same rows, packed and not: the same mean loss before anything moves."""

    def first_loss(packing: bool) -> float:
        run = trained(
            home,
            adapter={"r": 4, "alpha": 8},
            schedule={"max_steps": 1, "learning_rate": 1e-4, "warmup_steps": 0},
            datasets=[{"path": "few.jsonl"}],
            # Eight rows fit two sequences, so that one step reads each row once either way.
            batches={"batch_size": 2 if packing else 8, "max_length": 640, "packing": packing},
            watching={"eval_rows": 0, "save_every": 1},
        )
        return next(event.loss for event in run.events() if isinstance(event, Step))

    few = (home / "rows.jsonl").read_text().splitlines(keepends=True)[:8]
    (home / "few.jsonl").write_text("".join(few))
    assert first_loss(packing=True) == pytest.approx(first_loss(packing=False), rel=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("held", ["nf4", pytest.param("int8", marks=pytest.mark.long)])
def test_a_quantized_base_is_learned_on(home: Path, held: str) -> None:
    run = trained(
        home,
        quantization=held,
        precision="bf16",
        adapter=adapter("lora"),
        schedule={"max_steps": 3, "learning_rate": 0.02, "warmup_steps": 0},
        batches={"batch_size": 2, "max_length": 160},
        watching={"eval_rows": 2, "eval_every": 1, "save_every": 3},
    )
    losses = [event.loss for event in watched(run)]
    assert losses[-1] < losses[0]
    if held == "nf4":
        assert same_in_the_engine(run, "nf4")


def test_recomputed_activations_learn_the_same(home: Path) -> None:
    def losses(recompute: bool) -> list[float]:
        run = trained(
            home,
            adapter={"r": 4, "alpha": 8, "target_modules": ["q_proj", "down_proj"]},
            schedule={"max_steps": 3, "learning_rate": 0.01, "warmup_steps": 0},
            batches={"batch_size": 4, "max_length": 160, "gradient_checkpointing": recompute},
            watching={"eval_rows": 0, "save_every": 3},
        )
        return [event.loss for event in run.events() if isinstance(event, Step)]

    assert losses(recompute=True) == pytest.approx(losses(recompute=False), rel=1e-4)


def test_it_ends_early_with_its_best_and_says_what_it_answers(home: Path) -> None:
    run = trained(
        home,
        # So fast that the loss soon rises again.
        schedule={"max_steps": 16, "learning_rate": 0.08, "warmup_steps": 0, "shape": "constant"},
        watching={
            "eval_rows": 6, "eval_every": 1, "save_every": 16, "early_stop": 3,
            "sample_every": 2, "sample_prompts": ["Extract name as JSON.\n\nAnn is here."],
            "sample_tokens": 8, "test_every": 3, "test_rows": 2,
        },
    )  # fmt: skip
    events = run.events()
    steps = [event.step for event in events if isinstance(event, Step)]
    kept = [event for event in events if isinstance(event, BestKept)]
    measured = watched(run)
    best = min(measured[:-1], key=lambda event: event.loss)
    assert steps[-1] < 16
    assert steps[-1] == best.step + 3
    assert kept[-1].step == best.step
    # What was kept is taken: measured again, rounded to its package, it is the best and no other.
    assert measured[-1].loss == pytest.approx(best.loss, rel=2e-2)
    assert len(list(run.best_folder.iterdir())) <= 3
    samples = [event for event in events if isinstance(event, Sampled)]
    assert [event.step for event in samples] == [n for n in steps if n % 2 == 0]
    tests = [event for event in events if isinstance(event, Scored)]
    assert [event.step for event in tests] == [n for n in steps if n % 3 == 0]
    assert tests[0].metric == "field_accuracy"


CASES = [
    {"prompt": "Extract name as JSON.\n\nAnn is here.", "expected": {"name": "Ann"}},
    {"prompt": "Extract name as JSON.\n\nBo is here.", "expected": {"name": "Bo"}},
    {"prompt": "Extract name as JSON.\n\nCy is here.", "expected": {"name": "Cy"}},
]


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_its_own_tests_are_asked_on_the_way_and_packed(home: Path, method: str) -> None:
    asked = {"eval_rows": 6, "eval_every": 4, "save_every": 2, "sample_every": 2,
             "sample_tokens": 4, "test_every": 2}  # fmt: skip
    data = "rows.jsonl" if method == "sft" else "pairs.jsonl"
    named = {} if method == "sft" else {"test_cases": "mine.json"}
    place = home / (named.get("test_cases") or "tests/test_cases.json")
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps({"cases": CASES}), encoding="utf-8")
    run = trained(
        home,
        method=method,
        datasets=[{"path": data}],
        schedule={"max_steps": 4, "learning_rate": 0.005, "warmup_steps": 0},
        watching={**asked, **named},
    )
    scores = [event for event in run.events() if isinstance(event, Scored)]
    assert [event.step for event in scores] == [2, 4]
    assert all(event.own_tests and event.rows == 3 for event in scores)
    assert {event.metric for event in scores} == {"field_accuracy"}
    samples = [event for event in run.events() if isinstance(event, Sampled)]
    assert {event.step for event in samples} == {2, 4}
    place.unlink()  # the run has them, and gives them on
    again = clone(run, Folders(home))
    assert again.tests_path.read_bytes() == run.tests_path.read_bytes()
    log = EventLog(run.events_path)  # what launcher and worker say around it
    log.append(Launched(1.0, 0, 0))
    log.append(Ended(1.0, "finished", 4, 1.0))
    packed = pack(run, home / "packed")
    said = json.loads((packed.folder / "tests" / "test_cases.json").read_text(encoding="utf-8"))
    assert said == {"cases": CASES}


def test_tests_that_hold_nothing_are_refused_before_the_start(home: Path) -> None:
    (home / "empty.json").write_text('{"cases": []}', encoding="utf-8")
    for name, why in (("empty.json", "no test case"), ("missing.json", "cannot be read")):
        with pytest.raises(DatasetError, match=why):
            launch.prepare(runs.tiny_recipe(watching={"test_cases": name}), Folders(home), home)
    assert not any(Folders(home).runs.iterdir())


def test_answers_on_the_way_change_nothing_that_is_learned(home: Path) -> None:
    def losses(**watching: Any) -> list[float]:
        run = trained(
            home,
            schedule={"max_steps": 4, "learning_rate": 0.01, "warmup_steps": 0},
            watching={"eval_rows": 6, "eval_every": 10, "save_every": 4, **watching},
        )
        return [event.loss for event in run.events() if isinstance(event, Step)]

    asked = {"sample_every": 1, "sample_tokens": 4, "test_every": 1, "test_rows": 1}
    assert losses(**asked) == losses()


def test_a_loss_that_is_no_number_ends_the_run_with_one_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = AdapterTrainer.compute_loss

    def gone(self: AdapterTrainer, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        loss = honest(self, model, inputs, *rest, **named)
        return loss * math.nan if self.state.global_step == 5 else loss

    monkeypatch.setattr(AdapterTrainer, "compute_loss", gone)
    run = launch.prepare(runs.tiny_recipe(), Folders(home), home)
    with pytest.raises(TrainingError, match="step 6: its loss is no number") as raised:
        train(run, EventLog(run.events_path), Wishes())
    assert "learning_rate" in raised.value.remedy
    steps = [event for event in run.events() if isinstance(event, Step)]
    assert [step.step for step in steps] == list(range(1, 7))
    assert not math.isfinite(steps[-1].loss)
    checkpoint = run.checkpoint()
    assert checkpoint is not None
    assert checkpoint.name == "checkpoint-4"  # of before
    assert not run.adapter_folder.exists()


def test_pairs_and_single_answers_are_not_mixed_up(home: Path) -> None:
    with pytest.raises(DatasetError, match="no preference pair"):
        launch.prepare(runs.tiny_recipe(method="dpo"), Folders(home), home)
    with pytest.raises(DatasetError, match="cannot be used"):
        launch.prepare(runs.tiny_recipe(datasets=[{"path": "pairs.jsonl"}]), Folders(home), home)
