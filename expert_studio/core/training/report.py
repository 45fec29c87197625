"""The report of an evaluation as files: a page, a text and a JSON of the same figures.

Nothing in it points elsewhere: the page holds its pictures, and no path of this machine stands
in any of them.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from expert_studio.core.errors import StorageError
from expert_studio.core.training.curves import curves, thinned
from expert_studio.core.training.evaluation import (
    BASE_ONLY,
    WITH_DEPENDENCIES,
    Report,
)
from expert_studio.core.training.events import Event
from expert_studio.core.training.fallback import fallback_of
from expert_studio.core.training.report_page import page
from expert_studio.core.training.report_text import markdown
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.scores import Measurement

FORMAT_VERSION = 1
FILES = ("report.html", "report.md", "report.json")
MOST_POINTS = 4000  # of each curve
FOLDER = "report"  # below a run's folder


def metric_rows(report: Report) -> list[dict[str, Any]]:
    """Each metric against the base and the baseline, as `evaluate --json` and the JSON have it.

    The baseline needs no model, where it was measured; else it is the dependencies alone, or
    the base.
    """
    whole = report.condition(WITH_DEPENDENCIES)
    if whole is None:
        return []
    base = report.condition(BASE_ONLY)
    baseline = report.baseline() or base
    rows = []
    for measured in whole.measurements:
        of_base = base.of(measured.metric) if base else None
        of_baseline = baseline.of(measured.metric) if baseline else None
        rows.append(
            {
                "metric": measured.metric,
                "score": measured.score,
                "base_score": _score(of_base),
                "baseline_score": _score(of_baseline),
                "n": measured.n,
                "interval": list(measured.interval),
                "base_n": of_base.n if of_base else 0,
                "baseline_n": of_baseline.n if of_baseline else 0,
            }
        )
    return rows


def as_json(report: Report, events: tuple[Event, ...] = ()) -> dict[str, Any]:
    """Everything the page shows, as numbers. NaN is null."""
    advice = fallback_of(report)
    return {
        "format_version": FORMAT_VERSION,
        "expert": report.expert,
        "metrics": metric_rows(report),
        "evaluation": report.as_json(),
        "fallback": asdict(advice) if advice else None,
        "curves": [
            {
                "name": curve.name,
                "steps": list(curve.steps),
                "values": [v if math.isfinite(v) else None for v in curve.values],
            }
            for curve in (thinned(each, MOST_POINTS) for each in curves(events))
        ],
    }


def write_reports(report: Report, events: tuple[Event, ...], folder: Path) -> tuple[Path, ...]:
    """Writes report.html, report.md and report.json into `folder`, each by one rename.

    Raises:
        StorageError: the folder cannot be written.
    """
    numbers = json.dumps(as_json(report, events), indent=2, ensure_ascii=False) + "\n"
    texts = (page(report, events), markdown(report, events), numbers)
    paths = tuple(folder / name for name in FILES)
    partial = folder / "report.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts, strict=True):
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"The report could not be written to {folder}.",
            f"{cause.strerror or cause}.",
            "Free some space or choose another folder.",
        ) from cause
    return paths


def page_of(run: RunFolder) -> Path:
    """Where the page of a run's report lies, once it is evaluated."""
    return run.path / FOLDER / FILES[0]


def _score(measured: Measurement | None) -> float | None:
    return measured.score if measured else None
