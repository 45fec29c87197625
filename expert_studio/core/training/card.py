"""The README of a finished expert: what it does, how it was made, how well it does it.

Every figure comes from the run and its evaluation. Knows nothing of archives.
"""

from __future__ import annotations

from pathlib import Path

from expert_studio.core.training.evaluation import FINAL, PLAIN, Report
from expert_studio.core.training.events import Ended, Evaluated, Event, Started, Step, effective
from expert_studio.core.training.recipe import Adapter, Recipe
from expert_studio.core.training.report_table import markdown_table
from expert_studio.core.training.report_text import (
    choice,
    family_table,
    score_table,
    warnings,
)


def card(recipe: Recipe, events: tuple[Event, ...], report: Report | None) -> str:
    """The Markdown text of the card."""
    sections = [
        f"# {recipe.name} {recipe.version}\n\n{recipe.card.description}",
        _how_to_ask(recipe),
        _scores(report),
        _limits(recipe),
        _making(recipe, events),
        f"## Licence\n\n{recipe.card.license}. {recipe.card.data}".rstrip(),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _how_to_ask(recipe: Recipe) -> str:
    if not recipe.card.prompts:
        return ""
    shown = "\n\n".join(f"```text\n{prompt}\n```" for prompt in recipe.card.prompts)
    return f"## How to ask\n\n{shown}"


def _scores(report: Report | None) -> str:
    if report is None:
        return "## Scores\n\nNot evaluated."
    about = (
        f"On {report.rows} held-out rows (SHA-256 `{report.rows_sha256[:12]}`), greedy decoding, "
        f"{report.quantization} on {report.device}; in brackets the 95 % interval."
    )
    if report.condition(PLAIN) is not None:
        about += (
            " The plain baseline needs no model: it gives the answer of the most similar training "
            "row, and a document's type by TF-IDF and logistic regression."
        )
    parts = ["## Scores", about, markdown_table(*score_table(report))]
    if report.checkpoint != FINAL:
        parts.append(choice(report))
    parts += warnings(report)
    if report.families:
        parts.append(markdown_table(*family_table(report)))
    return "\n\n".join(parts)


def _limits(recipe: Recipe) -> str:
    if not recipe.card.limitations:
        return ""
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in recipe.card.limitations)


def _making(recipe: Recipe, events: tuple[Event, ...]) -> str:
    counted = effective(events)
    steps = [event for event in counted if isinstance(event, Step)]
    started = [event for event in counted if isinstance(event, Started)]
    losses = [event for event in counted if isinstance(event, Evaluated)]
    seconds = sum(event.session_s for event in events if isinstance(event, Ended))
    schedule = recipe.schedule
    base = f"{recipe.base.name} (SHA-256 `{recipe.base.sha256[:12]}`)"
    lines = [
        f"- Base: {base}, held in {recipe.quantization}, never changed.",
        f"- Adapter: {_adapter_in_words(recipe.adapter)}.",
    ]
    lines += [
        f"- Learned on top of {needed.name} {needed.version} (SHA-256 "
        f"`{needed.weights_sha256[:12]}`), attached at weight {needed.weight:g} and frozen."
        for needed in recipe.dependencies
    ]
    if recipe.start is not None:
        lines.append(
            f"- Started from {recipe.start.name} {recipe.start.version} (SHA-256 "
            f"`{recipe.start.weights_sha256[:12]}`)."
        )
    if recipe.method == "dpo":
        said = recipe.preference
        lines.append(
            f"- Method: DPO on preference pairs, beta {said.beta:g}, {said.loss} loss; its "
            "reference is the adapter it started from."
        )
    if started and steps:
        rows = recipe.batches.batch_size * recipe.batches.accumulation
        lines.append(
            f"- Learning: {steps[-1].step} steps of {rows} rows, {started[-1].train_rows} rows of "
            f"at most {recipe.batches.max_length} tokens, learning rate {schedule.learning_rate:g} "
            f"({schedule.shape}), seed {recipe.seed}, {seconds / 60:.0f} minutes on "
            f"{started[-1].device_name}."
        )
    if losses:
        lines.append(
            f"- Validation loss: {losses[-1].loss:.3f} nats per answer token "
            f"({losses[-1].rows} rows)."
        )
    lines.append(f"- Again: `expert-cli train --recipe recipe.json`; {_rows_in_words(recipe)}.")
    return "## How it was made\n\n" + "\n".join(lines)


def _rows_in_words(recipe: Recipe) -> str:
    """Which files beside the recipe the rows come from."""
    files = [Path(part.path).name for part in recipe.datasets]
    made = all(name.endswith(".json") for name in files)
    verb = ("makes" if made else "has") if len(files) == 1 else ("make" if made else "have")
    return f"{' and '.join(files)} beside it {verb} the rows"


def _adapter_in_words(adapter: Adapter) -> str:
    if adapter.kind == "soft_prompt":
        return f"soft prompt of {adapter.soft_tokens} virtual tokens"
    modules = ", ".join(adapter.target_modules)
    if adapter.kind == "ia3":
        return f"IA³ on {modules}"
    name = "DoRA" if adapter.kind == "dora" else "LoRA"
    scaled = " (rank-stabilised)" if adapter.rslora else ""
    return f"{name}, rank {adapter.r}, alpha {adapter.alpha:g}{scaled}, on {modules}"
