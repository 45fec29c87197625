"""Whether a stack does worse than a part of it, from what was measured on rows it never saw.

Says it in words a composer can show. Knows nothing of stacks that were never measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.training.evaluation import (
    BASE_ONLY,
    DEPENDENCIES_ONLY,
    WITH_DEPENDENCIES,
    WITHOUT_DEPENDENCIES,
    Report,
)
from expert_studio.core.training.metric_words import metric_name
from expert_studio.core.training.report_table import per_cent
from expert_studio.core.training.scores import Measurement


@dataclass(frozen=True, slots=True)
class Fallback:
    """A part that did better than the whole.

    Attributes:
        use: the condition that did better: "without_dependencies", "dependencies_only", "base".
        experts: what to keep ticked; () where that is the base alone.
        sure: the intervals do not touch. Otherwise chance may have done it.
        text: one or two sentences for a person.
        rule: what was compared with what, in numbers.
    """

    use: str
    experts: tuple[str, ...]
    sure: bool
    text: str
    rule: str


def fallback_of(report: Report, dependencies: Sequence[str] = ()) -> Fallback | None:
    """None where no part that was measured did better by the main metric."""
    found = {each.name: report.main(each.name) for each in report.conditions}
    known = {name: measured for name, measured in found.items() if measured is not None}
    return _fallback(report.expert, tuple(dependencies), known)


def fallback_in(manifest: Manifest) -> Fallback | None:
    """As `fallback_of`, from the quality an installed expert's manifest states."""
    needed = tuple(need.partition("@")[0] for need in manifest.constraints.requires)
    return _fallback(manifest.name, needed, stated_scores(manifest))


def stated_scores(manifest: Manifest) -> dict[str, Measurement]:
    """The main metric by condition, as far as a manifest states it in a usable way."""
    metrics = manifest.quality_metrics
    main, listed = metrics.get("main_metric"), metrics.get("metrics")
    known: dict[str, Measurement] = {}
    for part in listed if isinstance(listed, list | tuple) else ():
        if isinstance(part, dict) and part.get("metric") == main:
            measured = _stated(part)
            if measured is not None:
                known[str(part.get("condition"))] = measured
    return known


def _fallback(
    expert: str, dependencies: tuple[str, ...], known: Mapping[str, Measurement]
) -> Fallback | None:
    whole = known.get(WITH_DEPENDENCIES)
    others = {
        name: known[name]
        for name in (WITHOUT_DEPENDENCIES, DEPENDENCIES_ONLY, BASE_ONLY)
        if name in known
    }
    if whole is None or not others:
        return None
    use = max(others, key=lambda name: others[name].score)
    part = others[use]
    if part.score <= whole.score:
        return None
    sure = part.interval[0] > whole.interval[1]
    named = {
        WITHOUT_DEPENDENCIES: (f"{expert} alone", (expert,)),
        DEPENDENCIES_ONLY: (
            f"{' and '.join(dependencies) or 'what it needs'} alone",
            dependencies,
        ),
        BASE_ONLY: ("the base alone", ()),
    }
    words, experts = named[use]
    subject = f"{expert} with what it needs" if len(others) > 1 else expert
    numbers = (
        f"{metric_name(whole.metric)} {per_cent(whole.score)} on {whole.n} rows against "
        f"{per_cent(part.score)} on {part.n}"
    )
    text = (
        f"{subject} does worse than {words}: {numbers}. Use {words}."
        if sure
        else f"{subject} may do worse than {words}: {numbers}. That can be chance; try both."
    )
    rule = (
        f"{words}: {_interval(part)}; {subject}: {_interval(whole)} (95 % intervals, which "
        f"{'do not touch' if sure else 'overlap'})"
    )
    return Fallback(use, experts, sure, text, rule)


def _interval(measured: Measurement) -> str:
    low, high = measured.interval
    return f"{per_cent(low)} to {per_cent(high)}"


def _stated(part: Mapping[str, Any]) -> Measurement | None:
    """A measurement as a package states it, where it states one; packages can say anything."""
    score, n, interval = part.get("score"), part.get("n"), part.get("interval")
    ends = interval if isinstance(interval, list | tuple) and len(interval) == 2 else ()
    numbers = [score, *ends]
    if len(numbers) != 3 or any(
        isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1
        for value in numbers
    ):
        return None
    rows = n if isinstance(n, int) and not isinstance(n, bool) else 0
    low, high = float(numbers[1]), float(numbers[2])
    return Measurement(str(part["metric"]), float(numbers[0]), rows, (low, high))
