"""A finished run becomes an expert: manifest, card, test cases, and the `.expert` file.

Knows nothing of how the adapter was trained or scored: it states what the run's recipe,
events and evaluation say.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from expert_studio.core.datasets.examples import Example, as_row
from expert_studio.core.errors import StorageError, TrainingError
from expert_studio.core.experts import archive
from expert_studio.core.experts.library import TESTS_FILE
from expert_studio.core.experts.manifest import (
    AdapterEntry,
    BaseEntry,
    Constraints,
    Manifest,
    Routing,
    SoftPrompt,
    write_manifest,
)
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.training.card import card
from expert_studio.core.training.company import costs_of
from expert_studio.core.training.evaluation import (
    BASE_ONLY,
    FINAL,
    WITHOUT_DEPENDENCIES,
    Candidate,
    Report,
    adapter_folder,
    read_report,
)
from expert_studio.core.training.events import Evaluated, Step, effective
from expert_studio.core.training.fallback import fallback_of
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.rows import answers_to_score
from expert_studio.core.training.run_folder import RunFolder

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
REPORT_FILE = "evaluation.json"
TEST_CASES = 20


@dataclass(frozen=True, slots=True)
class Packed:
    """What packaging made."""

    archive: Path  # the `.expert` file; its `.sha256` stands beside it
    folder: Path  # the same, unpacked: what an expert's source folder holds
    manifest: Manifest


def pack(run: RunFolder, destination: Path | None = None) -> Packed:
    """Packs a finished run, with the evaluation in its folder if there is one.

    Where that chose an adapter from before the end, it is the one that is packed.

    `destination` is the `.expert` file to write, or a folder; by default the run's own.

    Raises:
        TrainingError: the run is not finished, or the adapter its evaluation chose is gone.
        ManifestError: the recipe's card leaves the manifest's schema.
        ArchiveError, StorageError: as `archive.build`.
    """
    if run.state().status != "finished":
        raise TrainingError(
            f"{run.identifier} cannot be packed yet.",
            f"It is {run.state().status}, not finished.",
            "Let it finish first.",
        )
    report = read_report(run.path / REPORT_FILE)
    if not (_chosen(run, report) / WEIGHTS_FILE).is_file():
        raise TrainingError(
            f"{run.identifier} cannot be packed.",
            "The adapter that its evaluation chose is gone.",
            "Evaluate it again.",
        )
    manifest = build_manifest(run, report)
    folder = run.path / "expert"
    try:
        _write_folder(run, manifest, report, folder)
        target = destination or run.path
        if target.suffix != archive.SUFFIX:
            target = target / f"{manifest.name}{archive.SUFFIX}"
        return pack_folder(folder, target)
    except OSError as cause:
        raise StorageError(
            f"{manifest.name} could not be packed.", f"{cause.strerror or cause}."
        ) from cause


def pack_folder(folder: Path, target: Path) -> Packed:
    """Packs an expert's folder into a file; the folder's manifest becomes the one that was packed.

    Raises:
        ArchiveError, ManifestError, StorageError: as `archive.build`.
        OSError: the manifest cannot be written.
    """
    path = archive.build(folder, target)
    # Packing states the hashes of what it wrote: that is the manifest to keep.
    manifest = archive.inspect(path).manifest
    (folder / "manifest.json").write_bytes(write_manifest(manifest))
    return Packed(path, folder, manifest)


def publish(packed: Packed, folder: Path) -> None:
    """Puts what belongs into an expert's source folder there: all but the loose weights.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tests").mkdir(exist_ok=True)
        for name in ("manifest.json", "README.md", TESTS_FILE, REPORT_FILE):
            if (packed.folder / name).is_file():
                shutil.copyfile(packed.folder / name, folder / name)
        sidecar = packed.archive.with_name(packed.archive.name + ".sha256")
        for path in (packed.archive, sidecar):
            shutil.copyfile(path, folder / path.name)
    except OSError as cause:
        raise StorageError(
            f"{packed.manifest.name} could not be put into {folder}.",
            f"{cause.strerror or cause}.",
        ) from cause


def build_manifest(run: RunFolder, report: Report | None) -> Manifest:
    """The manifest of what the run made."""
    recipe = run.recipe
    said = recipe.card
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        description=said.description or f"Trained by the run {run.identifier}.",
        author=said.author,
        base_models=(
            BaseEntry(
                name=recipe.base.name,
                sha256=recipe.base.sha256,
                quantization="bf16",
                prompt_template="chatml",
                adapters=()
                if recipe.adapter.kind == "soft_prompt"
                else (_adapter_entry(run, recipe, report),),
            ),
        ),
        soft_prompts=(
            SoftPrompt(name="prompt", path=WEIGHTS_FILE, tokens=recipe.adapter.soft_tokens),
        )
        if recipe.adapter.kind == "soft_prompt"
        else (),
        capabilities=said.capabilities or (f"task:{recipe.name}",),
        routing=Routing(keywords=said.keywords) if said.keywords else None,
        constraints=Constraints(
            load_order=said.load_order,
            requires=tuple(f"{d.name}@{d.requirement}" for d in recipe.dependencies),
            incompatible_with=said.incompatible_with,
        ),
        training=_training(run, recipe, report),
        quality_metrics=stated_quality(report),
        limitations=(
            *said.limitations,
            *measured_limits(report, tuple(each.name for each in recipe.dependencies)),
        ),
        license=said.license,
    )


def test_cases(held_out: Sequence[Example], seed: int) -> dict[str, Any]:
    """A few held-out rows, drawn by seed, that anyone can put to the expert."""
    number = min(TEST_CASES, len(held_out))
    chosen = sorted(Random(f"tests-{seed}").sample(range(len(held_out)), number))
    return {
        "schema_version": 1,
        "cases": [
            {
                "id": example.identifier,
                "messages": as_row(example)["messages"][:-1],
                "expected": example.answer,
                "scorer": example.scorer,
                **_asked_more(example),
            }
            for example in (held_out[i] for i in chosen)
        ],
    }


def _asked_more(example: Example) -> dict[str, str]:
    more = {"task": example.task, "difficulty": example.difficulty, "check": example.check}
    return {name: said for name, said in more.items() if said}


def _chosen(run: RunFolder, report: Report | None) -> Path:
    return adapter_folder(run, report.checkpoint if report else FINAL)


def _chosen_step(run: RunFolder, report: Report | None) -> int:
    for each in report.candidates if report else ():
        if each.chosen:
            return each.step
    return max((event.step for event in run.events() if isinstance(event, Step)), default=0)


def _adapter_entry(run: RunFolder, recipe: Recipe, report: Report | None) -> AdapterEntry:
    weights = _chosen(run, report) / WEIGHTS_FILE
    adapter = recipe.adapter
    has_ranks = adapter.kind in ("lora", "dora")
    return AdapterEntry(
        # upstream writes DoRA as a LoRA that says so
        type="ia3" if adapter.kind == "ia3" else "lora",
        use_dora=adapter.kind == "dora",
        scaling={"dora": "dora", "ia3": "learned"}.get(adapter.kind, "standard"),
        target_modules=adapter.target_modules,
        feedforward_modules=adapter.feedforward_modules if adapter.kind == "ia3" else (),
        r=adapter.r if has_ranks else None,
        alpha=adapter.alpha if has_ranks else None,
        dropout=adapter.dropout if has_ranks else 0.0,
        checkpoint_step=_chosen_step(run, report),
        size_bytes=weights.stat().st_size,
        sha256=weights_sha256(weights),
    )


def _training(run: RunFolder, recipe: Recipe, report: Report | None) -> dict[str, Any]:
    losses = [event for event in effective(run.events()) if isinstance(event, Evaluated)]
    return {
        "method": recipe.method,
        "dataset": {"parts": [part.model_dump(mode="json") for part in recipe.datasets]},
        "config": {
            "adapter_type": recipe.adapter.kind,
            **_adapter_numbers(recipe),
            "epochs": recipe.schedule.epochs,
            "learning_rate": recipe.schedule.learning_rate,
            "batch_size": recipe.batches.batch_size,
            "gradient_accumulation_steps": recipe.batches.accumulation,
            "warmup_steps": recipe.schedule.warmup_steps,
            "lr_scheduler": recipe.schedule.shape,
        },
        "dependencies": [
            {
                "name": dependency.name,
                "version": dependency.version,
                "weights_sha256": dependency.weights_sha256,
                "weight": dependency.weight,
            }
            for dependency in recipe.dependencies
        ],
        "decoding": {"temperature": 0.0},
        "packaging_checkpoint": report.checkpoint if report else FINAL,
        "alternative_checkpoints": [
            _alternative(each) for each in (report.candidates if report else ()) if not each.chosen
        ],
        "validation_loss": round(losses[-1].loss, 4) if losses else None,
        "recipe": recipe.model_dump(mode="json"),
    }


def _alternative(kept: Candidate) -> dict[str, Any]:
    """One of a run's other adapters, as it did on the validation rows."""
    return {
        "checkpoint": kept.name,
        "step": kept.step,
        "metric": kept.main.metric,
        "score": kept.main.score,
        "n": kept.main.n,
        "interval": list(kept.main.interval),
        "log_loss": kept.log_loss,
    }


def _adapter_numbers(recipe: Recipe) -> dict[str, Any]:
    adapter = recipe.adapter
    if adapter.kind == "soft_prompt":
        return {"soft_tokens": adapter.soft_tokens}
    if adapter.kind == "ia3":
        return {}
    return {"rank": adapter.r, "alpha": adapter.alpha, "rslora": adapter.rslora}


def stated_quality(report: Report | None) -> dict[str, Any]:
    """The scores on held-out rows, also those that got worse; {} where nothing was measured."""
    if report is None:
        return {}
    main, base = report.main(), report.main(BASE_ONLY)
    alone, beaten = report.main(WITHOUT_DEPENDENCIES), report.baseline()
    baseline = beaten.of(report.main_metric) if beaten is not None else None
    quality: dict[str, Any] = {
        "test_queries": report.rows,
        "test_data_sha256": report.rows_sha256,
        "main_metric": report.main_metric,
        "test_date": time.strftime("%Y-%m-%d", time.gmtime()),
        "checkpoint": report.checkpoint,
    }
    if main is not None:
        quality["benchmark_score"] = main.score
        quality["interval"] = list(main.interval)
    if base is not None:
        quality["base_model_score"] = base.score
    if main is not None and base is not None and base.score > 0:
        # of the base's own score; below 0 where it got worse
        quality["improvement_percent"] = round((main.score / base.score - 1) * 100, 1)
    if alone is not None:
        quality["without_dependencies_score"] = alone.score
        quality["without_dependencies_interval"] = list(alone.interval)
    if baseline is not None:
        quality["baseline_score"] = baseline.score
        quality["baseline_interval"] = list(baseline.interval)
    quality["metrics"] = [
        {
            "condition": condition.name,
            "metric": measured.metric,
            "score": measured.score,
            "n": measured.n,
            "interval": list(measured.interval),
        }
        for condition in (*report.conditions, *report.company)
        for measured in condition.measurements
    ]
    return quality


def measured_limits(report: Report | None, needed: tuple[str, ...]) -> tuple[str, ...]:
    """What the evaluation found against the expert, in sentences; `needed`: what it stands on."""
    if report is None:
        return ("Not evaluated: no held-out score is known.",)
    advice = fallback_of(report, needed)
    return (*([advice.text] if advice else []), *costs_of(report), *report.notes)


def _write_folder(run: RunFolder, manifest: Manifest, report: Report | None, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tests").mkdir(parents=True)
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        shutil.copyfile(_chosen(run, report) / name, folder / name)
    (folder / "manifest.json").write_bytes(write_manifest(manifest))
    (folder / "README.md").write_text(card(run.recipe, run.events(), report), encoding="utf-8")
    method = run.recipe.method
    held_out = tuple(answers_to_score(run.held_out_path, method)) or tuple(
        answers_to_score(run.validation_path, method)
    )
    if run.tests_path.is_file():
        shutil.copyfile(run.tests_path, folder / TESTS_FILE)
    else:
        cases = json.dumps(test_cases(held_out, run.recipe.seed), indent=2, ensure_ascii=False)
        (folder / TESTS_FILE).write_text(cases + "\n", encoding="utf-8")
    if report is not None:
        shutil.copyfile(run.path / REPORT_FILE, folder / REPORT_FILE)
