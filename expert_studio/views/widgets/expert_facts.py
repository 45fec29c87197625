"""What a card and the details panel say of an expert, read from its manifest.

Knows no widget. Figures are shown as the manifest gives them: scores of 0 to 1 as per
cent, others as they are; what a manifest does not state is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QCoreApplication, QLocale

from expert_studio.core.errors import ManifestError
from expert_studio.core.experts.dependencies import GraphEdge
from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.core.settings import BUNDLED_BASE_NAME
from expert_studio.core.training.metric_words import LOG_LOSS, in_reading_order, metric_name
from expert_studio.views.widgets.dataset_words import count_text

_KIND_NAMES = {"lora": "LoRA", "dora": "DoRA", "ia3": "IA³"}
_SCORE_KEYS = ("benchmark_score", "quality_score", "held_out_score")
_AS_TRAINED, _BASE_ALONE = "as_trained", "base"  # conditions, as core.training.package names them


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the details panel."""

    label: str
    value: str  # of several lines where it lists several things


def form_text(manifest: Manifest) -> str:
    """The adapter's kind and rank: "LoRA r16", "IA³", "Soft prompt"."""
    try:
        kind = manifest.kind
    except ManifestError as error:
        return error.why.removesuffix(".")
    if kind == "soft_prompt":
        return _tr("Soft prompt")
    name = _KIND_NAMES[kind]
    return name if manifest.rank is None else f"{name} r{manifest.rank}"


def kind_text(manifest: Manifest) -> str:
    """The adapter's kind alone: "LoRA", "IA³", "Soft prompt"."""
    return form_text(manifest).partition(" r")[0]


def tier_name(tier: str) -> str:
    """The tier as the window writes it in running text."""
    return {
        "format": _tr("format"),
        "language": _tr("language"),
        "technology": _tr("technology"),
        "domain": _tr("domain"),
        "task": _tr("task"),
    }[tier]


def main_score(manifest: Manifest) -> str:
    """The main held-out score with its short name: "type 89.4 %"; "" where none is stated."""
    metrics = manifest.quality_metrics
    score = _main_score(metrics)
    if score is None:
        return ""
    return f"{_score_name(metrics).removesuffix(' accuracy')} {score_text(score)}"


def main_figure(manifest: Manifest) -> float:
    """The main held-out score to sort by; below every other where none is stated."""
    score = _main_score(manifest.quality_metrics)
    return float("-inf") if score is None else float(score)


def score_text(score: Any, interval: Any = None, metric: str = "") -> str:
    """A score with half its interval's width: "74.0 % ± 2.7"; a log-loss in nats."""
    if not _is_number(score):
        return ""
    factor, digits, unit = 1, 2, ""
    if metric == LOG_LOSS:
        digits, unit = 3, _tr(" nats")  # as a report's table has it
    elif 0 <= score <= 1:
        factor, digits, unit = 100, 1, " %"
    text = QLocale().toString(float(score) * factor, "f", digits) + unit
    if isinstance(interval, list | tuple) and len(interval) == 2 and all(map(_is_number, interval)):
        half = abs(float(interval[1]) - float(interval[0])) / 2 * factor
        text += f" ± {QLocale().toString(half, 'f', digits)}"
    return text


def _part_text(part: Mapping[str, Any]) -> str:
    return score_text(part["score"], part["interval"], part["metric"])


def measured(manifest: Manifest) -> tuple[Fact, ...]:
    """The held-out scores, what the main one is compared with, and on how many rows."""
    metrics = manifest.quality_metrics
    main = _main_score(metrics)
    if main is None:
        return ()
    name = str(metrics.get("main_metric", ""))
    facts = [
        Fact(
            _tr("Held-out {name}").format(name=_score_name(metrics)),
            score_text(main, metrics.get("interval")),
        )
    ]
    compared = (
        (_tr("Base alone"), "base_model_score", _interval(metrics, _BASE_ALONE, name)),
        (
            _tr("Without what it needs"),
            "without_dependencies_score",
            metrics.get("without_dependencies_interval"),
        ),
        (_tr("A plain baseline"), "baseline_score", metrics.get("baseline_interval")),
    )
    for label, key, interval in compared:
        if _is_number(metrics.get(key)):
            facts.append(Fact(label, score_text(metrics[key], interval)))
    others = {
        part["metric"]: part
        for part in _parts(metrics)
        if part["condition"] == _AS_TRAINED and part["metric"] != name
    }
    facts += [
        Fact(_headed(metric_name(metric)), _part_text(others[metric]))
        for metric in in_reading_order(others)
    ]
    rows = metrics.get("test_queries")
    if isinstance(rows, int) and not isinstance(rows, bool) and rows > 0:
        facts.append(Fact(_tr("Measured on"), _tr("{rows} rows").format(rows=count_text(rows))))
    return tuple(facts)


def stated(manifest: Manifest) -> tuple[Fact, ...]:
    """What it needs, was trained with and on, was made for, who made it, its licence."""
    trained = "\n".join(
        f"{part.name} {part.version} × {part.weight:g}" for part in manifest.trained_with
    )
    needs = "\n".join(requirement_text(need) for need in manifest.constraints.requires)
    clashes = "\n".join(map(requirement_text, manifest.constraints.incompatible_with))
    bases = ", ".join(base.name for base in manifest.base_models)
    facts = (
        Fact(_tr("Needs"), needs or _tr("nothing else")),
        Fact(_tr("Trained with"), trained),
        Fact(_tr("Trained on"), _training_text(manifest.training or {})),
        Fact(_tr("Not together with"), clashes),
        Fact(_tr("Made for"), bases),
        Fact(_tr("Can"), ", ".join(manifest.capabilities)),
        Fact(_tr("Publisher"), _publisher(manifest)),
        Fact(_tr("Licence"), manifest.license),
    )
    return tuple(fact for fact in facts if fact.value)


def limits(manifest: Manifest) -> str:
    """The stated limitations as one paragraph, or ""."""
    sentences = []
    for limitation in manifest.limitations:
        if isinstance(limitation, str):
            sentences.append(limitation)
        elif isinstance(limitation, dict):
            parts = [str(limitation.get(key, "")) for key in ("description", "workaround")]
            sentences.append(" ".join(part for part in parts if part))
    return " ".join(_as_sentence(sentence) for sentence in sentences if sentence.strip())


def obstacle(manifest: Manifest, base: BaseDescription | None, unmet: Iterable[GraphEdge]) -> str:
    """Why an expert cannot join a stack on this base now, in sentences; "" when it can."""
    if base is not None and manifest.base_for(base.name, base.sha256) is None:
        made_for = ", ".join(entry.name for entry in manifest.base_models)
        told = _tr("Made for {made_for}; the loaded base is {base}.").format(
            made_for=made_for or _tr("a base it does not name"), base=base.name
        )
        came_with_it = any(entry.is_named(BUNDLED_BASE_NAME) for entry in manifest.base_models)
        more = _tr("The Training page trains the official experts for it.") if came_with_it else ""
        return f"{told} {more}".strip()
    reasons = {
        "missing": _tr("It needs {requirement}, which is not installed."),
        "wrong-version": _tr("It needs {requirement}; another version is installed."),
        "cycle": _tr("It needs itself, through {requirement}."),
    }
    return " ".join(
        reasons[edge.state].format(requirement=requirement_text(edge.requirement)) for edge in unmet
    )


def search_text(manifest: Manifest) -> str:
    """Everything a search may match, in lower case."""
    words = (
        manifest.name,
        manifest.version,
        manifest.description,
        manifest.author,
        manifest.tier,
        form_text(manifest),
        *manifest.capabilities,
        *manifest.tags,
        *(base.name for base in manifest.base_models),
        *(manifest.routing.keywords if manifest.routing else ()),
    )
    return "\n".join(words).lower()


def _training_text(training: Mapping[str, Any]) -> str:
    dataset = training.get("dataset")
    rows = dataset.get("rows") if isinstance(dataset, dict) else None
    if isinstance(rows, int) and not isinstance(rows, bool):
        return _tr("{rows} rows").format(rows=count_text(rows))
    return ""


def _publisher(manifest: Manifest) -> str:
    signed_by = manifest.integrity.publisher if manifest.integrity else None
    return signed_by or manifest.author


def requirement_text(requirement: str) -> str:
    """ "english-basic@>=1.0.0,<2.0.0" as "english-basic ≥ 1.0.0, < 2.0.0"."""
    name, _, spec = requirement.partition("@")
    for sign, shown in ((">=", "≥ "), ("<=", "≤ "), (",", ", ")):
        spec = spec.replace(sign, shown)
    return f"{name} {spec}".strip().removesuffix(" *")


def _main_score(metrics: Mapping[str, Any]) -> float | None:
    return next((metrics[key] for key in _SCORE_KEYS if _is_number(metrics.get(key))), None)


def _score_name(metrics: Mapping[str, Any]) -> str:
    name = metrics.get("main_metric")
    return metric_name(name) if isinstance(name, str) and len(name) <= 32 else _tr("score")


def _headed(text: str) -> str:
    return text[:1].upper() + text[1:]


def _parts(metrics: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of `metrics.metrics` that are as `core.training.package` writes them."""
    listed = metrics.get("metrics")
    wanted = {"condition", "metric", "score", "interval"}
    return [
        part
        for part in (listed if isinstance(listed, list | tuple) else ())
        if isinstance(part, dict) and wanted <= part.keys() and isinstance(part["metric"], str)
    ]


def _interval(metrics: Mapping[str, Any], condition: str, metric: str) -> Any:
    return next(
        (
            part["interval"]
            for part in _parts(metrics)
            if (part["condition"], part["metric"]) == (condition, metric)
        ),
        None,
    )


def _as_sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tr(text: str) -> str:
    return QCoreApplication.translate("expert_facts", text)
