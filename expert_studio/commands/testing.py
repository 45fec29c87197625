"""Asking an expert its own test cases, for `validate`. Torch is imported when one is asked.

Knows nothing of scoring.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from expert_studio.commands.report import say_aside
from expert_studio.core.errors import CompatibilityError, DatasetError, ExpertError
from expert_studio.core.experts import archive
from expert_studio.core.experts.library import TESTS_FILE
from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.experts.validation import Finding
from expert_studio.core.settings import Folders

WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of the cases."""

    cases: int = 0
    score: float = 0.0  # the mean of what the cases are chiefly about, 0 to 1
    metric: str = ""
    wrong: tuple[str, ...] = ()  # identifiers of cases that got less than half


def run_tests(path: Path, manifest: Manifest, base: str | None) -> tuple[Asked, list[Finding]]:
    """Asks an expert's folder or package its cases; () where it has none or is not trained.

    A case that cannot be read, or an expert that cannot be loaded, is an error; one that
    answers worse than its manifest says it did (`quality_metrics.benchmark_score`, by more than
    chance) as well. That the base is not here is advice.
    """
    with tempfile.TemporaryDirectory(prefix="expert-tests-") as scratch:
        package = _package(path, Path(scratch))
        if package is None:
            return Asked(), []
        place = Path(scratch) / "unpacked"
        archive.unpack(package, place)
        if not (place / TESTS_FILE).is_file():
            return Asked(), []
        try:
            asked = _asked(package, place, base)
        except CompatibilityError as cause:
            return Asked(), [Finding("advice", "tests", f"They were not asked: {cause.why}")]
        except DatasetError as cause:
            return Asked(), [Finding("error", TESTS_FILE, f"{cause.what} {cause.why}")]
        except ExpertError as cause:
            return Asked(), [Finding("error", "tests", f"{cause.what} {cause.why}")]
    return asked, _judged(asked, manifest)


def _package(path: Path, scratch: Path) -> Path | None:
    if not path.is_dir():
        return path
    packages = sorted(path.glob("*.expert"))
    if (path / WEIGHTS).is_file() or any(path.glob("weights/**/*.safetensors")):
        try:
            return archive.build(path, scratch)
        except ExpertError:
            return None  # told by the look through the folder
    return packages[0] if len(packages) == 1 else None


def _asked(package: Path, place: Path, base: str | None) -> Asked:
    from expert_studio.core.training.evaluation import ask, main_metric
    from expert_studio.core.training.evaluation_rows import read_test_cases

    examples = read_test_cases(place / TESTS_FILE)
    if not examples:
        return Asked()
    from expert_studio.commands.answering import compose_stack, loaded_engine
    from expert_studio.commands.library import opened_library
    from expert_studio.commands.measuring_engine import Asking, fitting
    from expert_studio.core.inference.base_choice import base_folder, base_identity
    from expert_studio.core.inference.shelves import Shelves

    folder = base_folder(base, Folders.default())
    name, sha256 = base_identity(folder)
    said = archive.inspect(package).manifest
    if said.base_for(name, sha256) is None:
        made = ", ".join(b.name for b in said.base_models)
        raise CompatibilityError("It is for another base.", f"{name} is here, it needs {made}.")
    with loaded_engine(base, None, None) as engine:
        shelves = Shelves(place.parent / "shelves", opened_library())
        expert = shelves.found(package, engine.base)
        shelves.bring_what_ships(expert)
        stack = compose_stack({expert.name: 1.0}, engine, library=shelves)
        asking = Asking(engine, stack)
        rows = ask(fitting(engine, examples), asking.answer, _tell, asking.more)
    metric = main_metric(rows)
    scores = [row.scores[metric] for row in rows]
    wrong = [r.example.identifier for r, s in zip(rows, scores, strict=True) if s < 0.5]
    return Asked(len(rows), sum(scores) / len(scores), metric, tuple(wrong))


def _judged(asked: Asked, manifest: Manifest) -> list[Finding]:
    if not asked.cases:
        return []
    told = manifest.quality_metrics
    promised = told.get("benchmark_score")
    found: list[Finding] = []
    if asked.score == 0:
        found.append(Finding("error", "tests", f"None of its {asked.cases} cases came out right."))
    elif isinstance(promised, int | float) and told.get("main_metric") == asked.metric:
        margin = 2 * (0.25 / asked.cases) ** 0.5  # two standard errors at the worst
        if asked.score + margin < promised:
            said = f"It gets {asked.score:.2f} {asked.metric} and is said to get {promised:.2f}."
            found.append(Finding("error", "tests", said))
    if asked.wrong and asked.score:
        found.append(Finding("advice", "tests", f"Wrong: {_some(asked.wrong)}."))
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _tell(done: int) -> None:
    if done % 10 == 0:
        say_aside(f"{done} cases asked")
