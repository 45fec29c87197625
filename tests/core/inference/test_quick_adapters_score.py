"""Beside an int4 base, experts in eight bits score on held-out rows as they do in bf16."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev

import pytest
import torch

from expert_studio.commands.answering import compose_stack
from expert_studio.commands.measuring_engine import Asking, fitting
from expert_studio.core.datasets.dataset_recipe import build, read_dataset_recipe
from expert_studio.core.datasets.examples import Example
from expert_studio.core.experts.bundled import install_bundled
from expert_studio.core.experts.library import Library
from expert_studio.core.inference import adapters_stack
from expert_studio.core.inference import engine as engine_module
from expert_studio.core.inference.adapters_shelf import AdapterShelf
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.training.evaluation import ask, main_metric
from tests.core.inference.random_bases import BUNDLED

EXPERTS = Path(__file__).parents[3] / "experts"
# Their rows are made by rule; the classifier's lie in a corpus that does not travel with the tree.
NAMES = ("json-parser", "english-basic", "neo4j-cypher", "python-code", "rust-code")
MOST_DROP = 0.005  # of the score, over all rows


class _AsStacked(adapters_stack.StackedDelta):
    """Without copies in eight bits."""

    __slots__ = ()

    def __init__(self, a, parts, quick=False) -> None:  # type: ignore[no-untyped-def]
        super().__init__(a, parts, quick=False)


@pytest.mark.long
def test_eight_bits_score_as_sixteen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Greedy, every held-out row; the interval is of the rows' differences. About half an hour."""
    library = Library(tmp_path)
    install_bundled(EXPERTS, library)
    rows = {name: _held_out(name) for name in NAMES}
    # On a base as small as this they are fp32 and have no copies: as on a large one.
    monkeypatch.setattr(engine_module, "AdapterShelf", lambda _dtype, device: _in_bf16(device))
    made: list[bool] = []
    monkeypatch.setattr(adapters_stack, "_QuickCopy", _counted(made))
    quick = _scores(rows, library)
    assert made
    monkeypatch.setattr(adapters_stack, "StackedDelta", _AsStacked)
    exact = _scores(rows, library)
    every: list[float] = []
    for name in NAMES:
        differences = [a - b for a, b in zip(quick[name], exact[name], strict=True)]
        every += differences
        with capsys.disabled():
            print(f"\n  {name}: {fmean(quick[name]):.2%}, bf16 {fmean(exact[name]):.2%}", end=": ")
            print(_told(differences), end="")
    with capsys.disabled():
        print(f"\n  all: {_told(every)}")
    assert fmean(every) > -MOST_DROP


def _counted(made: list[bool]) -> Callable[..., object]:
    """Makes copies in eight bits, and notes that it did."""
    copy = adapters_stack._QuickCopy

    def counting(*given: object) -> object:
        made.append(True)
        return copy(*given)  # type: ignore[arg-type]

    return counting


def _in_bf16(device: torch.device) -> AdapterShelf:
    return AdapterShelf(torch.bfloat16, device)


def _held_out(name: str) -> tuple[Example, ...]:
    return build(read_dataset_recipe(EXPERTS / name / "dataset.json"), None).held_out


def _scores(rows: Mapping[str, tuple[Example, ...]], library: Library) -> dict[str, list[float]]:
    """The main metric of every row."""
    engine = load_engine(BaseRequest(BUNDLED, "int4", "cpu"), lambda _share: None)
    try:
        return {name: _of_one(name, asked, engine, library) for name, asked in rows.items()}
    finally:
        engine.close()


def _of_one(name: str, rows: tuple[Example, ...], engine: Engine, library: Library) -> list[float]:
    asking = Asking(engine, compose_stack({name: 1.0}, engine, library=library))
    answered = ask(fitting(engine, rows), asking.answer)
    metric = main_metric(answered)
    return [row.scores[metric] for row in answered]


def _told(differences: Sequence[float]) -> str:
    apart = 1.96 * stdev(differences) / len(differences) ** 0.5
    other = sum(map(bool, differences))
    return (
        f"{100 * fmean(differences):+.2f} points (± {apart * 100:.2f}) "
        f"on {len(differences)} rows, of which {other} scored otherwise"
    )
