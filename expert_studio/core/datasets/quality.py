"""Looking through a whole dataset: every check, every finding with its reason, what to do.

Reads rows and gives findings; rejecting and repairing are changes like any other, which the
dataset can take back. Knows nothing of windows or of how a check works.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from expert_studio.core.datasets.quality_checks import NO_LIMITS, Limits, examine, token_finding
from expert_studio.core.datasets.quality_findings import CHECKS, FAULTS, Check, Finding
from expert_studio.core.datasets.quality_repairs import REPAIRS, repaired
from expert_studio.core.datasets.quality_tokens import TokenCounter
from expert_studio.core.datasets.row_body import Item, prompt_and_answer, texts_of
from expert_studio.core.datasets.split import RowToSplit, Shares, Side, SplitResult, split_rows
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_changes import (
    AssignSplits,
    Performed,
    RejectRows,
    ReplaceRows,
    SetState,
)
from expert_studio.core.datasets.store_rows import RowFilter, StoredRow

LIVE = RowFilter(states=("pending", "accepted"))
"""Rows that are not rejected: what is checked unless something else is asked for."""
ALL_CHECKS: frozenset[Check] = frozenset(CHECKS)
_AT_ONCE = 256
_ALIKE: frozenset[Check] = frozenset({"duplicate", "near_duplicate", "leak"})
_BY_ROW: frozenset[Check] = ALL_CHECKS - _ALIKE - {"family_leak", "label_noise", "tokens"}

Progress = Callable[[str, int, int], None]  # what is being done, rows done, rows in all


@dataclass(frozen=True, slots=True)
class Examination:
    """What is to be looked for.

    Attributes:
        near: Jaccard similarity from which rows count as nearly the same.
        doubts: at most this share of the rows is told as label noise, the likeliest first.
    """

    checks: frozenset[Check] = ALL_CHECKS
    limits: Limits = NO_LIMITS
    counter: TokenCounter | None = None  # without one, tokens are not counted
    near: float = 0.85
    doubts: float = 0.05


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in `rows` rows."""

    rows: int
    findings: tuple[Finding, ...]
    stopped: bool = False

    @property
    def counts(self) -> Mapping[Check, int]:
        """Findings by check, most first."""
        return dict(Counter(finding.check for finding in self.findings).most_common())

    def faults(self, checks: Collection[Check] = FAULTS) -> dict[int, str]:
        """Rows to reject, each with every reason there is."""
        reasons: dict[int, list[str]] = defaultdict(list)
        for finding in self.findings:
            if finding.check in checks:
                reasons[finding.row].append(finding.reason)
        return {row: " ".join(dict.fromkeys(said)) for row, said in reasons.items()}


@dataclass(slots=True)
class _Seen:
    """What the checks across rows need of every row."""

    ids: list[int] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    families: list[str] = field(default_factory=list)
    labelled: list[tuple[int, str, str]] = field(default_factory=list)  # id, text, label


def examine_dataset(
    store: DatasetStore,
    examination: Examination | None = None,
    wanted: RowFilter = LIVE,
    *,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Checks rows of a dataset; token lengths are kept with the rows.

    Setting `stop` ends it after some hundred rows with what was found so far.
    """
    asked = examination or Examination()
    total = store.count(wanted)
    findings: list[Finding] = []
    seen = _Seen()
    alike = _Alike(asked) if asked.checks & _ALIKE else None
    rows = store.each(wanted)
    while part := list(islice(rows, _AT_ONCE)):
        if stop is not None and stop.is_set():
            return Report(len(seen.ids), _sorted(findings), stopped=True)
        items = [row.item for row in part]
        findings += _by_themselves(part, items, asked)
        if asked.counter is not None:
            findings += _tokens(store, part, items, asked)
        for row, item in zip(part, items, strict=True):
            _note(seen, row, item)
            if alike is not None:
                findings += alike.look(row, item)
        if progress is not None:
            progress("Checking rows", len(seen.ids), total)
    if "family_leak" in asked.checks:
        findings += _families(seen)
    if "label_noise" in asked.checks:
        if progress is not None and seen.labelled:
            progress("Looking for doubtful labels", 0, len(seen.labelled))
        findings += _doubts(seen, asked.doubts)
    return Report(len(seen.ids), _sorted(findings))


def reject_faults(
    store: DatasetStore, report: Report, checks: Collection[Check] = FAULTS
) -> Performed:
    """Rejects every row that has one of these findings, with its reasons."""
    return store.perform(RejectRows(report.faults(checks)))


def accept_clean(store: DatasetStore, report: Report, wanted: RowFilter = LIVE) -> Performed:
    """Accepts every pending row in which no fault was found."""
    faulty = report.faults()
    pending = set(store.ids(RowFilter(states=("pending",))))
    clean = tuple(row for row in store.ids(wanted) if row in pending and row not in faulty)
    return store.perform(SetState(clean, "accepted"))


def repair_rows(store: DatasetStore, rows: Iterable[int], repair: str) -> Performed:
    """Applies one repair to rows: to one, or to all that show the same finding.

    Rows it does not change are not touched; a row that then repeats another is rejected.

    Raises:
        DatasetError: there is no repair of that name.
    """
    changed: dict[int, Item] = {}
    numbers = list(rows)
    for start in range(0, len(numbers), _AT_ONCE):
        for row in store.rows(numbers[start : start + _AT_ONCE]):
            item = row.item
            mended = repaired(item, repair)
            if mended != item:
                changed[row.id] = mended
    return store.perform(ReplaceRows(changed, REPAIRS[repair].title))


def like(report: Report, finding: Finding) -> list[int]:
    """All rows with the same finding: what "to all like it" means."""
    alike = (
        other.row
        for other in report.findings
        if (other.check, other.repair) == (finding.check, finding.repair)
    )
    return list(dict.fromkeys(alike))


def split_dataset(
    store: DatasetStore,
    shares: Shares,
    seed: int,
    wanted: RowFilter | None = None,
) -> SplitResult:
    """Splits accepted rows, whole families together, like shares of label and task.

    Raises:
        DatasetError: no row is accepted.
    """
    rows: list[tuple[int, RowToSplit]] = []
    for row in store.each(wanted or RowFilter(states=("accepted",))):
        stratum = (row.label, row.task, row.difficulty)
        rows.append((row.id, RowToSplit(row.family, stratum)))
    result = split_rows([row for _, row in rows], shares, seed)
    sides: dict[int, Side] = dict(zip((row for row, _ in rows), result.sides, strict=True))
    store.perform(AssignSplits(dict(sides)))
    return result


class _Alike:
    """Equal and nearly equal rows, and such rows in two splits."""

    def __init__(self, asked: Examination) -> None:
        from expert_studio.core.datasets.quality_duplicates import NearIndex

        self._index = NearIndex(asked.near)
        self._checks = asked.checks
        self._rows: list[tuple[int, str, str]] = []  # id, split, text

    def look(self, row: StoredRow, item: Item) -> Iterator[Finding]:
        text = "\n".join(texts_of(item))
        pair = self._index.add(text)
        self._rows.append((row.id, row.split, text if pair is None else ""))
        if pair is None:
            return
        other, other_split, other_text = self._rows[pair.like]
        same = pair.similarity == 1.0 and text == other_text
        check: Check = "duplicate" if same else "near_duplicate"
        percent = f"{pair.similarity:.0%}"
        alike = "the same as" if same else f"{percent} the same as"
        if row.split and other_split and row.split != other_split:
            check = "leak"
            where = other_split.replace("_", "-")
            # the side that is learned from gives way, so that scores stay what they were
            if other_split == "train":
                row_id, other, where = other, row.id, row.split.replace("_", "-")
            else:
                row_id = row.id
            reason = f"It is {alike} row {other} of the {where} split."
        else:
            row_id, reason = row.id, f"It is {alike} row {other}."
        if check in self._checks:
            yield Finding(row_id, check, reason, other=other, score=pair.similarity)


def _by_themselves(
    rows: Sequence[StoredRow], items: Sequence[Item], asked: Examination
) -> Iterator[Finding]:
    if asked.checks & _BY_ROW:
        for row, item in zip(rows, items, strict=True):
            for finding in examine(row.id, item, asked.limits):
                if finding.check in asked.checks:
                    yield finding


def _tokens(
    store: DatasetStore, rows: Sequence[StoredRow], items: Sequence[Item], asked: Examination
) -> Iterator[Finding]:
    assert asked.counter is not None
    todo = [at for at, row in enumerate(rows) if row.tokens is None]
    counted = dict(zip(todo, asked.counter.count([items[at] for at in todo]), strict=True))
    if counted:
        store.keep_tokens({rows[at].hash: tokens for at, tokens in counted.items()})
    most = asked.limits.max_tokens or asked.counter.context
    limits = Limits(max_tokens=most)
    for at, row in enumerate(rows):
        tokens = counted.get(at, row.tokens)
        finding = None if tokens is None else token_finding(row.id, tokens, limits)
        if finding is not None and "tokens" in asked.checks:
            yield finding


def _note(seen: _Seen, row: StoredRow, item: Item) -> None:
    seen.ids.append(row.id)
    seen.splits.append(row.split)
    seen.families.append(row.family)
    if row.label and row.kind != "preference":
        seen.labelled.append((row.id, prompt_and_answer(item)[0], row.label))


def _families(seen: _Seen) -> Iterator[Finding]:
    sides: dict[str, Counter[str]] = defaultdict(Counter)
    for family, split in zip(seen.families, seen.splits, strict=True):
        if family and split:
            sides[family][split] += 1
    for row, family, split in zip(seen.ids, seen.families, seen.splits, strict=True):
        learned = sides[family]["train"] if family in sides else 0
        if learned and split in {"validation", "held_out"}:
            yield Finding(
                row,
                "family_leak",
                f"{learned:,} rows of its family {family[:60]} are in the train split.",
            )


def _doubts(seen: _Seen, share: float) -> Iterator[Finding]:
    if len({label for _, _, label in seen.labelled}) < 2:
        return
    from expert_studio.core.datasets.quality_labels import doubted_labels

    texts = [text for _, text, _ in seen.labelled]
    doubts = doubted_labels(texts, [label for _, _, label in seen.labelled])
    for doubt in doubts[: max(1, int(share * len(texts)))]:
        row, _, label = seen.labelled[doubt.row]
        yield Finding(
            row,
            "label_noise",
            f"Judged by the other rows, “{doubt.expected}” fits better than “{label}”.",
            score=doubt.loss,
        )


def _sorted(findings: list[Finding]) -> tuple[Finding, ...]:
    order = {check: place for place, check in enumerate(CHECKS)}
    return tuple(sorted(findings, key=lambda one: (order[one.check], -one.score, one.row)))
