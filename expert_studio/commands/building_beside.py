"""The official experts measured beside one another, and packed with what was found.

Takes those that build-experts built, and those it took as they lay beside their recipes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from expert_studio.commands.building_bench import Bench
from expert_studio.commands.company import Company
from expert_studio.commands.measuring import REFERENCE_ROWS
from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.preference import chosen_example
from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.library import Library
from expert_studio.core.training.evaluation import Report, read_report, write_report
from expert_studio.core.training.official_plan import Built, Source, read_built
from expert_studio.core.training.official_shipped import restate, shipped_report
from expert_studio.core.training.package import REPORT_FILE, Packed, pack, publish
from expert_studio.core.training.report import page_of, write_reports
from expert_studio.core.training.rows import answers_to_score, gather_rows
from expert_studio.core.training.run_folder import RunFolder


def beside_one_another(every: Sequence[Source], base: Path, bench: Bench) -> None:
    """Measures those that are built beside one another, and packs them with what was found.

    Raises:
        TrainingError: one was never evaluated, or its rows are not those of its report.
        LoadError, InferenceError: the base or an adapter cannot be used.
    """
    library = Library(bench.folders.library)
    known = {source.name: read_built(bench.records, source.name) for source in every}
    built = {name: one for name, one in known.items() if one is not None and one.package}
    experts = {name: library.find(name) for name in built}
    company = Company(experts, library, base, bench.tell, bench.rows or REFERENCE_ROWS)
    for source in every:
        if source.name not in built:
            continue
        one = built[source.name]
        packed = _of_run(one, company) if one.runs else _of_shipped(source, one, company, bench)
        if bench.publish:
            publish(packed, source.folder)
        bench.say(f"{source.name} was measured beside {len(built) - 1} others.")


def _of_run(built: Built, company: Company) -> Packed:
    """One that was built here."""
    run = RunFolder.open(Path(built.runs[-1]))
    path = run.path / REPORT_FILE
    held_out = tuple(answers_to_score(run.held_out_path, run.recipe.method))
    report = _evaluated(run.recipe.name, read_report(path))
    report = company.measured(report, held_out, partial(write_report, path=path))
    write_reports(report, run.events(), page_of(run).parent)
    return pack(run)


def _of_shipped(source: Source, built: Built, company: Company, bench: Bench) -> Packed:
    """One that was taken as it lay: its package is packed again with the new figures."""
    before = _evaluated(source.name, shipped_report(source))
    kept = bench.records / f"{source.name}-beside.json"
    begun = read_report(kept)
    report = begun if begun is not None and begun.conditions == before.conditions else before
    rows = gather_rows(source.recipe, source.folder, bench.corpus).held_out
    held_out = [row if isinstance(row, Example) else chosen_example(row) for row in rows]
    report = company.measured(report, held_out, partial(write_report, path=kept))
    return restate(Path(built.package), before, report, bench.folders.data / "restated")


def _evaluated(name: str, report: Report | None) -> Report:
    if report is None:
        raise TrainingError(
            f"{name} cannot be measured beside others.", "It was never evaluated.", "Build it anew."
        )
    return report
