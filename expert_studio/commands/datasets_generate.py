"""The verb dataset generate: rows by rule, from a manifest's recipe, or by a provider.

Knows nothing of how rows are made (`core.datasets.offline`, `core.datasets.teacher`).
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.datasets import all_datasets, checked_choice
from expert_studio.commands.report import AsJson, say, say_aside, say_json
from expert_studio.core.datasets.exporting import export_dataset
from expert_studio.core.datasets.offline import DOMAINS, domain, generate
from expert_studio.core.datasets.offline_request import DIFFICULTIES, OfflineRequest
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.datasets.store_rows import RowFilter, Split
from expert_studio.core.errors import UsageError

FORMATS = ("instruction", "preference_pairs", "distillation")
OFFLINE = "offline"
LIVE = RowFilter(states=("accepted", "pending"))
_KINDS = {"instruction": "sft", "preference_pairs": "preference_pairs"}


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for on the command line."""

    domain: str
    tasks: dict[str, float]
    count: int
    held_out: int
    format: str
    difficulty: dict[str, float]
    seed: int
    corpus: Path | None
    families: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


def generate_rows(  # noqa: PLR0913, PLR0917 - a verb's options are its arguments
    domain_name: Annotated[
        str, typer.Option("--domain", help=f"One of {', '.join(DOMAINS)}.")
    ] = "",
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="TASK[=SHARE]", help="Only this task; may be repeated."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many rows.")] = 1000,
    held_out: Annotated[
        int, typer.Option(min=0, help="Rows of held-out families besides, for the held-out split.")
    ] = 0,
    provider: Annotated[
        str, typer.Option(help="Who makes them: offline by rule, or deepseek, openai, ollama ...")
    ] = OFFLINE,
    model: Annotated[
        str, typer.Option(help="Which model of the provider; of local: which base.")
    ] = "",
    experts: Annotated[
        str, typer.Option(metavar="NAME=WEIGHT,…", help="For the provider local: its experts.")
    ] = "",
    budget: Annotated[
        float | None, typer.Option(min=0.0, metavar="USD", help="Most that may be spent.")
    ] = None,
    budget_tokens: Annotated[
        int | None, typer.Option(min=0, metavar="TOKENS", help="Most tokens that may be used.")
    ] = None,
    row_format: Annotated[
        str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")
    ] = "instruction",
    difficulty: Annotated[
        list[str] | None,
        typer.Option(metavar="LEVEL[=SHARE]", help="easy, medium, hard; may be repeated."),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only such families, as extract/any-keys or repair/*."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only such bugs or errors; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal seed and version give equal rows.")] = 0,
    corpus: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Text some families use.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Make the rows an expert's recipe names.")
    ] = None,
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="Where the rows go.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write them to a file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make rows and keep them in a dataset, a file, or both."""
    if bool(domain_name) == (manifest is not None):
        raise UsageError("generate needs to know what to make.", "", "Give --domain or --manifest.")
    if not dataset and output is None:
        raise UsageError(
            "The rows need a place.", "", "Give --dataset NAME, --output FILE or both."
        )
    checked_choice("format", row_format, FORMATS)
    if provider != OFFLINE and (not dataset or manifest is not None):
        raise UsageError(
            "What a provider makes goes to a dataset.",
            "A stopped job could not go on without one.",
            "Give --domain and --dataset NAME.",
        )
    order = Order(
        domain=domain_name,
        tasks=_shares(task),
        count=count,
        held_out=held_out,
        format=row_format,
        difficulty=_shares(difficulty),
        seed=seed,
        corpus=corpus,
        families=tuple(family or ()),
        kinds=tuple(kind or ()),
    )
    begun = time.monotonic()
    with _place(dataset) as store:
        if provider == OFFLINE:
            rows = _from_manifest(manifest, corpus) if manifest is not None else _by_rule(order)
            told = _kept(store, rows)
        else:
            told = _taught(store, order, provider, (model, experts), budget, budget_tokens)
        if output is not None:
            by_split = bool(held_out) or manifest is not None
            files = export_dataset(store, output, wanted=LIVE, by_split=by_split)
            told["files"] = [{"path": str(one.path), "rows": one.rows} for one in files]
    told |= {"dataset": dataset or None, "seconds": round(time.monotonic() - begun, 3)}
    if as_json:
        say_json(told)
        return
    say(f"{told['kept']:,} rows are made, {told['duplicates']:,} of them rejected as duplicates.")
    if told["repeated"]:
        say(f"{told['repeated']:,} were there already.")
    for one in told.get("files", ()):
        say(f"{one['path']}: {one['rows']:,} rows")


def _taught(
    store: DatasetStore,
    order: Order,
    provider: str,
    model_and_experts: tuple[str, str],
    budget_usd: float | None,
    budget_tokens: int | None,
) -> dict[str, Any]:
    from expert_studio.commands.datasets_teacher import Lesson, teach
    from expert_studio.core.datasets.teacher_prompts import Wish

    wish = Wish(
        order.domain,
        order.format,  # type: ignore[arg-type]
        order.tasks,
        order.difficulty,
    )
    model, experts = model_and_experts
    lesson = Lesson(
        provider, model, wish, order.count, order.seed, budget_usd, budget_tokens, experts
    )
    told = teach(store, lesson)
    for reason, rows in told["lost"].items():
        say_aside(f"{rows:,} rows lost: {reason}")
    say_aside(
        f"${told['spent_usd']:.4f} spent, {told['spent_tokens']:,} tokens; the rows are pending."
    )
    return told


def _by_rule(order: Order) -> Iterator[NewRow]:
    """Rows of the generator, then those of held-out families; numbered for the same seed."""
    checked_choice("domain", order.domain, DOMAINS)
    if order.format not in _KINDS:
        raise UsageError(
            f"Rows of the format {order.format} cannot be made by rule.",
            "They need a teacher that thinks.",
            "Choose instruction or preference_pairs.",
        )
    for level in order.difficulty:
        checked_choice("difficulty", level, DIFFICULTIES)
    made = domain(order.domain)
    origin = Provenance(
        OFFLINE, f"{order.domain} {made.VERSION}", _hash_of(order), more={"seed": order.seed}
    )
    for held_out, count in ((False, order.count), (True, order.held_out)):
        request = OfflineRequest(
            count=count,
            seed=order.seed,
            held_out=held_out,
            tasks=order.tasks,
            difficulty=order.difficulty,
            corpus=order.corpus,
            families=order.families,
            kinds=order.kinds,
        )
        split: Split = "held_out" if held_out else "train" if order.held_out else ""
        rows: Iterator[Item] = iter(
            generate(order.domain, _KINDS[order.format], request)  # type: ignore[arg-type]
        )
        for item in rows:
            yield NewRow(item, origin, "accepted", split=split)


def _from_manifest(path: Path, corpus: Path | None) -> Iterator[NewRow]:
    """The rows of every dataset recipe that an expert's training recipe names."""
    from expert_studio.commands.training import read_manifest_file
    from expert_studio.core.datasets.dataset_recipe import build, read_dataset_recipe
    from expert_studio.core.training.recipe import recipe_in_manifest

    manifest = read_manifest_file(path)
    recipe = recipe_in_manifest(manifest.training, manifest.name)
    beside = path.resolve().parent
    sides: tuple[Split, ...] = ("train", "validation", "held_out")
    named: list[tuple[str, tuple[Split, ...]]] = []
    for part in recipe.datasets:  # what it is scored on may be made by another recipe
        named.append((part.path, sides[:2] if part.held_out else sides))
        named += [(part.held_out, sides[2:])] if part.held_out else []
    made_by_rule = [(one, wanted) for one, wanted in named if one.endswith(".json")]
    if not made_by_rule:
        raise UsageError(
            f"The recipe of {manifest.name} makes no rows.",
            "It names files of rows, not a dataset recipe.",
            "Import those files instead.",
        )
    for one, wanted in made_by_rule:
        made = read_dataset_recipe(beside / one)
        splits = build(made, corpus)
        origin = Provenance("recipe", made.name, more={"seed": made.seed, "expert": manifest.name})
        for side in wanted:
            for example in getattr(splits, side):
                yield NewRow(example, origin, "accepted", split=side)


def _kept(store: DatasetStore, rows: Iterator[NewRow]) -> dict[str, Any]:
    told = {"kept": 0, "repeated": 0, "duplicates": 0}

    def progress(taken: int) -> None:
        if taken % 10_000 == 0:
            say_aside(f"{taken:,} rows made.")

    for one in store.append_many(rows, progress=progress):
        told["kept"] += not one.repeated
        told["repeated"] += one.repeated
        told["duplicates"] += one.state == "rejected" and not one.repeated
    return dict(told)


@contextmanager
def _place(dataset: str) -> Iterator[DatasetStore]:
    """The dataset named, or one of the moment where only a file is wanted."""
    if dataset:
        with all_datasets().open_or_create(dataset) as store:
            yield store
        return
    with (
        tempfile.TemporaryDirectory(prefix="expert-dataset-") as folder,
        DatasetStore(Path(folder) / "rows") as store,
    ):
        yield store


def _shares(stated: list[str] | None) -> dict[str, float]:
    """Reads "repair", "repair=2" and "easy=0.3,hard=0.7"."""
    shares: dict[str, float] = {}
    for one in ",".join(stated or ()).split(","):
        name, has_share, share = one.strip().partition("=")
        if not name:
            continue
        try:
            shares[name] = float(share) if has_share else 1.0
        except ValueError as cause:
            raise UsageError(f"The share in {one!r} is no number.") from cause
    return shares


def _hash_of(order: Order) -> str:
    """What stands for the prompt where a rule made the row."""
    said: tuple[object, ...] = (
        order.domain,
        sorted(order.tasks.items()),
        order.format,
        sorted(order.difficulty.items()),
    )
    if order.families or order.kinds:
        said += (order.families, order.kinds)
    return hashlib.sha256(repr(said).encode()).hexdigest()
