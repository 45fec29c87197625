"""The Training page's part of the tour: the wizard, all runs, and one run in every state.

The wizard is real; the runs are written as a worker would.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea

from expert_studio.core.training import queue
from expert_studio.core.training.evaluation import (
    Candidate,
    Condition,
    Report,
    choose,
    write_report,
)
from expert_studio.core.training.official_build import BuildState
from expert_studio.core.training.package import REPORT_FILE
from expert_studio.core.training.report import page_of, write_reports
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.scores import Measurement
from tests.core.training.runs import write_data, write_pairs
from tests.synthetic_runs import append, write_run

if TYPE_CHECKING:
    from tests.tour import Tour

NO_ROOM = (
    "The training ran out of memory.",
    "",
    "Set batch_size to 4 and accumulation to 2: the same steps with half the memory.",
)
NO_NUMBER = (
    "The loss became not a number at step 61.",
    "The weights had grown without bound; nothing after step 60 was kept.",
    "Train again with a smaller learning rate: 0.0003 in place of 0.001.",
)


def take(tour: Tour) -> None:
    """Drives the page through its states."""
    tour.studio.window.show_page("train")
    tour.settle(0.6)
    tour.picture("60-training-empty")
    with tempfile.TemporaryDirectory() as folder:
        _wizard(tour, Path(folder))
    _runs(tour)
    _official(tour)


def _official(tour: Tour) -> None:
    """The six for another base: offered, in the making, failed."""
    page = tour.studio.train_page
    page.show_home()
    card, made = page.home.official, ("json-parser", "english-basic")
    card.set_base("Qwen3-0.6B")
    states = {
        "offered": BuildState(of=6),
        "going-on": BuildState("training", "neo4j-cypher", 3, 6, made, "neo4j-cypher-1"),
        "failed": BuildState("failed", "neo4j-cypher", 3, 6, made, "", *NO_ROOM),
    }
    for name, state in states.items():
        card.show_state(state)
        tour.settle(0.4)
        tour.picture(f"69-training-official-{name}")
    card.set_base("")


def _wizard(tour: Tour, folder: Path) -> None:
    page = tour.studio.train_page
    wizard, source = page.wizard, page.wizard.source
    page.begin_wizard()
    tour.until(lambda: bool(wizard.fault) or bool(wizard.memory), "the wizard")
    tour.picture("61-training-wizard-nothing")
    write_data(folder, 240)
    write_pairs(folder)
    source.choose_file(folder / "rows.jsonl")
    tour.until(lambda: wizard.ready and bool(wizard.memory), "the estimate")
    for depth, name in enumerate(("preset", "common", "all")):
        wizard.go_to(depth)
        tour.settle(0.3)
        tour.picture(f"61-training-wizard-{name}")
    scroll = wizard.findChild(QScrollArea)
    assert scroll is not None
    for part in (1, 2, 3):
        bar = scroll.verticalScrollBar()
        bar.setValue(bar.maximum() * part // 3)
        tour.settle()
        tour.picture(f"61-training-wizard-all-{part}")
    wizard.go_to(0)
    table = folder / "foreign.csv"
    table.write_text(
        "nr,Frage,Antwort\n1,Wie viel ist 1 + 1?,2\n2,Wie viel ist 2 + 1?,3\n", "utf-8"
    )
    source.choose_file(table)
    tour.until(lambda: "which column" in wizard.fault, "the columns")
    tour.settle(0.3)
    tour.picture("61-training-wizard-columns")
    source.choose_file(folder / "pairs.jsonl")
    tour.until(lambda: wizard.ready and bool(wizard.memory), "the pairs")
    source.more.button.click()
    tour.settle(0.3)
    tour.picture("61-training-wizard-pairs")
    wizard.leave()


def _runs(tour: Tour) -> None:
    page, runs = tour.studio.train_page, tour.folders.runs
    done = write_run(runs, "cypher-basics", 600, 600, "finished", seed=2)
    scored = write_run(runs, "json-forms", 500, 500, "finished", seed=5)
    _evaluated(scored)
    no_room = write_run(runs, "json-long", 3, 400, "failed", failure=NO_ROOM)
    no_number = write_run(
        runs, "json-hasty", 61, 400, "failed", failure=NO_NUMBER, nan_at=61, eval_every=20
    )
    pairs = write_run(runs, "polite-answers", 220, 300, "stopped", method="dpo", seed=3)
    gone = write_run(runs, "invoice-fields", 140, 400, seed=6)
    turn = write_run(runs, "rust-review", 0, 400)
    (turn.path / "events.jsonl").write_text("", "utf-8")
    paused = write_run(runs, "sql-notes", 90, 300, seed=8)
    append(paused, [{"kind": "paused", "at_s": time.time(), "step": 90}])
    live = write_run(runs, "neo4j-cypher", 372, 600)
    shown = (
        ("63-training-live", (live.identifier,)),
        ("63-training-paused", (paused.identifier,)),
        ("63-training-queued", (turn.identifier,)),
        ("64-training-failure", (no_room.identifier,)),
        ("64-training-not-a-number", (no_number.identifier,)),
        ("64-training-lost", (gone.identifier,)),
        ("65-training-preference", (pairs.identifier,)),
        ("66-training-finished", (done.identifier,)),
        ("66-training-evaluated", (scored.identifier,)),
        ("67-training-comparison", (live.identifier, done.identifier, scored.identifier)),
    )
    with live.worker_lock(), paused.worker_lock(), queue._lock(runs):  # nobody takes the next
        queue.enqueue(turn, 5)
        tour.until(lambda: len(page.home.rows) == 9, "the runs", 20)
        tour.until(lambda: page.home.rows[turn.identifier].status == "queued", "the line", 20)
        for row in list(page.home.rows.values())[:2]:
            row.tick.setChecked(True)
        tour.picture("62-training-runs")
        for name, identifiers in shown:
            page.open(identifiers[0]) if len(identifiers) == 1 else page.compare(identifiers)
            tour.until(lambda: bool(page.view.portraits), "the curves", 20)
            tour.settle(0.6)
            tour.picture(name)
        page.open(live.identifier)
        tour.until(lambda: bool(page.view.portraits), "the curves", 20)
        curves = page.view.curves
        curves.set_log(True)
        for _ in range(4):
            QTest.keyClick(curves.chart, Qt.Key.Key_Plus)
        QTest.mouseMove(curves.chart, QPoint(curves.chart.width() // 2, 90))
        tour.settle(0.6)
        tour.picture("63-training-zoomed")
        curves.set_log(False)
        page.show_home()


def _evaluated(run: RunFolder) -> None:
    """Scores as an evaluation leaves them; the stack does worse than what it stands on."""

    def measured(score: float, n: int, reach: float) -> tuple[Measurement, ...]:
        low, high = max(0.0, score - reach), min(1.0, score + reach)
        return (
            Measurement("field_accuracy", score, n, (low, high)),
            Measurement("valid_json", 0.95, n, (0.92, 0.97)),
            Measurement("log_loss", 0.32, n, (0.28, 0.36)),
        )

    report = Report(
        "json-forms",
        "0.1.0",
        400,
        "3a46a5d6869a" + "0" * 52,
        "field_accuracy",
        "CPU, 2 cores",
        "bf16",
        (
            Condition("as_trained", measured(0.641, 400, 0.04)),
            Condition("without_dependencies", measured(0.702, 40, 0.11)),
            Condition("dependencies_only", measured(0.521, 40, 0.12)),
            Condition("base", measured(0.482, 40, 0.12)),
            Condition("plain_baseline", measured(0.034, 400, 0.01)),
        ),
        candidates=choose(
            [
                Candidate("final", 500, measured(0.97, 48, 0.03)[0], 0.020),
                Candidate("step-400", 400, measured(0.96, 48, 0.03)[0], 0.023),
            ]
        ),
        candidate_rows=48,
        made_with={"seed": "7"},
    )
    write_report(report, run.path / REPORT_FILE)
    write_reports(report, run.events(), page_of(run).parent)
