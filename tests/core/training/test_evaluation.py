"""What an evaluation says: fair means, a choice of adapters, fallback advice, reports as files."""

from __future__ import annotations

import json
import math
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.datasets.examples import Example, Turn, write_examples
from expert_studio.core.errors import DatasetError, TrainingError
from expert_studio.core.training import package
from expert_studio.core.training.curves import Curve, curves
from expert_studio.core.training.evaluation import (
    Candidate,
    Condition,
    Report,
    adapter_folder,
    ask,
    choose,
    condition,
    main_metric,
    read_report,
    write_report,
)
from expert_studio.core.training.evaluation_rows import read_rows
from expert_studio.core.training.events import Ended, Event, EventLog, Launched, Started, Step
from expert_studio.core.training.fallback import fallback_in, fallback_of
from expert_studio.core.training.report import FILES, metric_rows, write_reports
from expert_studio.core.training.report_chart import interval_chart, line_chart
from expert_studio.core.training.run_folder import Places, RunFolder
from expert_studio.core.training.scores import Measurement
from tests.core.training import runs
from tests.expert_factory import expert_folder


def row(answer: str, scorer: Any = "exact", prompt: str = "?", check: str = "") -> Example:
    return Example((Turn("user", prompt), Turn("assistant", answer)), scorer=scorer, check=check)


def measured(score: float, n: int = 100, reach: float = 0.05) -> Measurement:
    return Measurement("exact", score, n, (max(0, score - reach), min(1, score + reach)))


def report(**scores: float) -> Report:
    conditions = tuple(Condition(name, (measured(s),)) for name, s in scores.items())
    return Report("a-b", "1.0.0", 100, "0" * 64, "exact", "CPU", "bf16", conditions)


def events() -> tuple[Event, ...]:
    steps = [
        Step(float(n), n, n / 60, math.nan if 20 <= n < 25 else 2 / n, 1e-3, 1.0, n, 9.0, 1 << 30)
        for n in range(1, 61)
    ]
    started = Started(0.0, "cpu", "CPU", "bf16", 60, 0, 100, 10, 0, 5, {"torch": "2"}, 1.0)
    return (Launched(0.0, 1, 0), started, *steps, Ended(60.0, "finished", 60, 60.0))


def test_rows_of_several_kinds_share_the_mean_of_their_own_metrics() -> None:
    examples = [row("8"), row('{"a": 1}', "json"), row("one two", "text")]
    answered = ask(examples, lambda example: example.answer.replace("two", "three"))
    assert main_metric(answered) == "task_score"
    found = condition("base", answered)
    scores = {m.metric: (round(m.score, 2), m.n) for m in found.measurements}
    assert scores["task_score"] == (0.83, 3)
    assert scores["exact"] == (0.67, 3)
    assert scores["field_accuracy"] == (1.0, 1)
    assert main_metric(answered[:1]) == "exact"


def test_labels_of_several_types_have_their_macro_f1_and_one_type_has_none() -> None:
    wanted = [row(f'{{"type": "{kind}"}}', "label") for kind in ("log", "log", "query")]
    answered = ask(wanted, lambda _: '{"type": "log"}')
    found = condition("base", answered).of("type_macro_f1")
    assert found is not None
    assert found.score == pytest.approx((4 / 5 + 0) / 2)  # log: 2 of 2, and 1 too many
    assert condition("base", answered[:2]).of("type_macro_f1") is None


def test_more_that_was_measured_of_a_row_counts() -> None:
    answered = ask([row("x", "python")], lambda _: "x = 1", None, lambda *_: {"tests_passed": 0.0})
    assert main_metric(answered) == "tests_passed"


def test_the_best_adapter_is_chosen_by_score_then_by_log_loss() -> None:
    found = [
        Candidate("final", 9, measured(0.5), 0.9),
        Candidate("step-3", 3, measured(0.6), 0.8),
        Candidate("step-6", 6, measured(0.6), 0.7),
    ]
    assert [each.chosen for each in choose(found)] == [False, False, True]


@pytest.mark.parametrize(
    ("scores", "use", "sure"),
    [
        ({"as_trained": 0.8, "base": 0.1}, None, False),
        ({"as_trained": 0.3, "base": 0.1, "dependencies_only": 0.6}, "dependencies_only", True),
        ({"as_trained": 0.3, "base": 0.1, "without_dependencies": 0.35}, "without_dependencies", 0),
        ({"as_trained": 0.3, "base": 0.5}, "base", True),
    ],
)
def test_a_part_that_does_better_is_advised(
    scores: dict[str, float], use: str | None, sure: bool
) -> None:
    advice = fallback_of(report(**scores), ("json-parser",))
    assert (advice.use if advice else None) == use
    if advice is not None:
        assert advice.sure is bool(sure)
        assert ("does worse" in advice.text) is bool(sure)
        if use == "dependencies_only":
            assert "json-parser alone" in advice.text
            assert advice.experts == ("json-parser",)


def test_a_report_is_read_back_and_written_as_three_files(tmp_path: Path) -> None:
    said = replace(
        report(as_trained=0.5, base=0.7),
        expert="<b>&",
        candidates=choose([Candidate("final", 60, measured(0.5), None)]),
        notes=("1 | 2",),
    )
    write_report(said, tmp_path / "evaluation.json")
    assert read_report(tmp_path / "evaluation.json") == said
    assert [path.name for path in write_reports(said, events(), tmp_path)] == list(FILES)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page
    assert "does worse than the base alone" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert str(tmp_path) not in page
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert numbers["fallback"]["use"] == "base"
    (loss, *_) = numbers["curves"]
    assert loss["values"][20] is None
    (metric,) = metric_rows(said)
    assert (metric["score"], metric["base_score"], metric["baseline_score"]) == (0.5, 0.7, 0.7)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| exact | 50.0 % (45.0 % to 55.0 %) | 70.0 % (65.0 % to 75.0 %) |" in text


def test_charts_are_sound_svg_with_gaps() -> None:
    drawn = line_chart("Loss <1>", curves(events())[:1])
    assert len(ET.fromstring(drawn).findall("{*}polyline")) == 2
    flat = line_chart("Flat", [Curve("rate", (1, 2), (1e-5, 1e-5)), Curve("x", (1,), (3.0,))])
    ET.fromstring(flat)
    long = Curve("loss", tuple(range(1, 201)), tuple(2 + (-1) ** n for n in range(200)))
    pale, bold = ET.fromstring(line_chart("Loss", [long])).findall("{*}polyline")
    assert (pale.get("stroke-opacity"), bold.get("stroke-opacity")) == ("0.3", "1")
    assert (
        len(ET.fromstring(line_chart("x", [replace(long, name="x")])).findall("{*}polyline")) == 1
    )
    assert line_chart("Nothing", [Curve("loss", (1,), (math.nan,))]) == ""
    ET.fromstring(interval_chart("Scores", [("base & more", measured(0.3))]))


def test_rows_of_every_published_shape_are_read(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"instruction": "Add.", "output": "a sum"},
        {"instruction": "As JSON.", "output": '{"a": 1}'},
        {"prompt": "Which?", "chosen": "this", "rejected": "that"},
        {"text": "fn main() {}", "label": {"type": "code", "language": "rust"}},
        {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    found = read_rows(path)
    assert [example.scorer for example in found[:2]] == ["text", "json"]
    assert found[2].answer == "this"
    assert [example.scorer for example in found[3:]] == ["label", "text"]
    path.write_text("{}\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="Line 1"):
        read_rows(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(DatasetError, match="no row"):
        read_rows(path)


def test_cases_with_keywords_alone_are_the_last_resort(tmp_path: Path) -> None:
    path = tmp_path / "test_cases.json"
    cases = [
        {"id": "1", "prompt": "Hi", "expected_keywords": ["hello", "you"]},
        {"id": "2", "prompt": "Hi", "expected_keywords": []},
        {"id": "3", "prompt": "Hi", "expected": {"a": 1}},
    ]
    path.write_text(json.dumps({"test_cases": cases}), encoding="utf-8")
    answered = ask(read_rows(path), lambda _: "Hello there")
    assert [each.scores.get("keyword_share") for each in answered] == [0.5, 0.0, None]
    path.write_text(json.dumps([{"prompt": "Hi"}]), encoding="utf-8")
    with pytest.raises(DatasetError, match="Case 1"):
        read_rows(path)


def test_the_package_holds_the_chosen_adapter_and_what_got_worse(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "runs", runs.tiny_recipe(), Places("", ()))
    log = EventLog(run.events_path)
    for event in events():
        log.append(event)
    write_examples(run.held_out_path, [row("8")])
    made = expert_folder(tmp_path / "source", "json-parser")
    for folder in (run.adapter_folder, run.best_folder / "step-40"):
        folder.mkdir(parents=True)
        for name in (package.WEIGHTS_FILE, package.CONFIG_FILE):
            shutil.copyfile(made / name, folder / name)
    kept = choose(
        [
            Candidate("final", 60, measured(0.4, 48), 0.9),
            Candidate("step-40", 40, measured(0.5, 48), 0.8),
        ]
    )
    said = replace(
        report(as_trained=0.2, base=0.6), checkpoint="step-40", candidates=kept, candidate_rows=48
    )
    write_report(said, run.path / package.REPORT_FILE)
    manifest = package.build_manifest(run, said)
    assert manifest.base_models[0].adapters[0].checkpoint_step == 40
    assert manifest.training is not None
    (other,) = manifest.training["alternative_checkpoints"]
    assert (other["checkpoint"], other["score"]) == ("final", 0.4)
    assert manifest.quality_metrics["checkpoint"] == "step-40"
    assert manifest.quality_metrics["improvement_percent"] == -66.7
    assert "does worse than the base alone" in str(manifest.limitations[-1])
    advice = fallback_in(manifest)
    assert advice is not None
    assert (advice.use, advice.sure, advice.experts) == ("base", True, ())
    shutil.rmtree(run.best_folder)
    with pytest.raises(TrainingError, match="is gone"):
        package.pack(run)
    with pytest.raises(TrainingError):
        adapter_folder(run, "../elsewhere")
