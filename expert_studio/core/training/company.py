"""What company does to an expert: names of the measurements beside others, and advice.

Read from what a manifest or a report states; measures nothing itself and knows no stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.training.evaluation import Report
from expert_studio.core.training.fallback import stated_scores
from expert_studio.core.training.metric_words import metric_name
from expert_studio.core.training.report_table import per_cent, shown
from expert_studio.core.training.scores import Measurement

NOBODY = "with nobody"  # as trained, on the very rows on which it was measured beside others
WORTH_SAYING = 0.03  # of the main metric: what a stack may cost a member without a word


def beside(name: str) -> str:
    """The condition in which that expert, and what it needs, stands in the stack as well."""
    return f"with {name}"


def instead(name: str) -> str:
    """The condition in which that expert, with what it needs, answers alone."""
    return f"{name} alone"


def costs_of(report: Report) -> tuple[str, ...]:
    """A sentence for each expert beside which this one lost more than 3 points."""
    return _costs(report.expert, _main(report))


def costs_in(manifest: Manifest, others: Sequence[str]) -> tuple[str, ...]:
    """As `costs_of`, from an installed expert's manifest, of these others alone; worst first."""
    wanted = {NOBODY, *(beside(name) for name in others)}
    stated = stated_scores(manifest)
    return _costs(manifest.name, {name: m for name, m in stated.items() if name in wanted})


def company_table(report: Report) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Header and rows: each other expert beside this one, and in its place; () for none."""
    known = _main(report)
    if NOBODY not in known:
        return (), ()
    main = metric_name(report.main_metric)
    names = dict.fromkeys(
        name.removeprefix("with ").removesuffix(" alone") for name in known if name != NOBODY
    )
    rows = [
        ("nobody", _cell(known.get(NOBODY)), ""),
        *(
            (name, _cell(known.get(beside(name))), _cell(known.get(instead(name))))
            for name in names
        ),
    ]
    rows_asked = known[NOBODY].n
    header = ("beside", f"{main} (n {rows_asked})", f"{main} of that one alone")
    return header, rows


def _main(report: Report) -> dict[str, Measurement]:
    found = {one.name: one.of(report.main_metric) for one in report.company}
    return {name: measured for name, measured in found.items() if measured is not None}


def _cell(measured: Measurement | None) -> str:
    if measured is None:
        return "needs it anyway"
    score, interval = shown(measured)
    return f"{score} ({interval})"


def _costs(expert: str, known: Mapping[str, Measurement]) -> tuple[str, ...]:
    alone = known.get(NOBODY)
    if alone is None:
        return ()
    found = []
    for name, measured in sorted(known.items(), key=lambda one: one[1].score):
        if not name.startswith("with ") or alone.score - measured.score <= WORTH_SAYING:
            continue
        sure = measured.interval[1] < alone.interval[0]
        found.append(
            f"{expert} {'does' if sure else 'may do'} worse beside {name.removeprefix('with ')}: "
            f"{metric_name(measured.metric)} {per_cent(measured.score)} in place of "
            f"{per_cent(alone.score)} on the same {measured.n} rows."
        )
    return tuple(found)
