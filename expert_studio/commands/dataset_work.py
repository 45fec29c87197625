"""The pieces of work on a dataset that run beside the window, each a function by its name.

They take an order of plain values and tell progress to their desk. Knows the stores,
the generators and the base's tokenizer; knows nothing of processes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from typing import Any

from expert_studio.commands.dataset_exchange import export, import_files, paste, preview_file
from expert_studio.commands.dataset_teaching import estimate_teaching, teach
from expert_studio.commands.dataset_worker import Desk, Work
from expert_studio.core.datasets import offline, quality
from expert_studio.core.datasets.offline_request import OfflineRequest
from expert_studio.core.datasets.quality_findings import CHECKS, Check, Finding
from expert_studio.core.datasets.quality_repairs import REPAIRS
from expert_studio.core.datasets.quality_tokens import TokenCounter
from expert_studio.core.datasets.row_body import Item, body_of, prompt_and_answer, with_texts
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.split import Shares
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_changes import ReplaceRows
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.datasets.store_rows import RowFilter

_COUNTED_AT_ONCE = 500
_SHOWN_CHARACTERS = 1200
_LISTED = 50
_WORD = re.compile(r"\w+|\W")
_FINDINGS = "findings"
UNFINISHED = "unfinished work"


def preview(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """The first rows a rule would make, as texts; nothing is kept."""
    drawn = list(islice(_by_rule(order), int(order["rows"])))
    return {"rows": [shown(item) for item in drawn]}


def generate(order: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """Makes rows by rule. Rows that are there already are passed over, so that the same
    order goes on where it was stopped."""
    kept = {"accepted": 0, "rejected": 0, "repeated": 0}
    total = int(order["request"]["count"])
    name = str(order["domain"])
    origin = Provenance(
        "offline", f"{name} {offline.domain(name).VERSION}", more={"seed": order["request"]["seed"]}
    )
    done = 0
    with DatasetStore(Path(order["folder"])) as store:

        def drawn() -> Iterator[NewRow]:
            nonlocal done
            for item in _by_rule(order):
                desk.rest()
                if desk.stop.is_set():
                    return
                yield NewRow(item, origin, "accepted")
                done += 1
                desk.progress(done, total, **kept)

        for row in store.append_many(drawn(), stop=desk.stop):
            kept["repeated" if row.repeated else row.state] += 1
        _count_tokens(store, order, desk)
    return {**kept, "stopped": desk.stop.is_set()}


def settle(order: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Takes back the offer to go on, once work that makes rows has come to its end."""
    if "stopped" in result and not result["stopped"] and "folder" in order:
        with DatasetStore(Path(order["folder"])) as store:
            if store.setting(UNFINISHED) is not None:
                store.keep_setting(UNFINISHED, None)


def count_tokens(order: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """Writes down the length of every row that has none, in tokens of the base."""
    with DatasetStore(Path(order["folder"])) as store:
        return {"counted": _count_tokens(store, order, desk)}


def keep_version(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """Keeps the accepted rows as a version."""
    with DatasetStore(Path(order["folder"])) as store:
        version = store.keep_version(str(order["note"]))
    return {"id": version.id, "hash": version.hash, "rows": version.rows}


def diff(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """What changed between two versions: how many rows, and the texts of the first of them."""
    older, newer = int(order["older"]), order["newer"]
    with DatasetStore(Path(order["folder"])) as store:
        found = store.diff(older, newer)
        wanted = {
            name: list(getattr(found, name)[:_LISTED])
            for name in ("added", "removed", "edited", "moved")
        }
        before = _version_texts(store, older, {*wanted["removed"], *wanted["edited"]})
        after = _version_texts(
            store, newer, {*wanted["added"], *wanted["edited"], *wanted["moved"]}
        )
    return {
        "counts": {name: len(getattr(found, name)) for name in wanted},
        "added": [after[row] for row in wanted["added"] if row in after],
        "removed": [before[row] for row in wanted["removed"] if row in before],
        "moved": [after[row] for row in wanted["moved"] if row in after],
        "edited": [
            {
                "id": row,
                "split": after[row]["split"],
                **{
                    name: _changes(before[row][name], after[row][name])
                    for name in ("prompt", "answer")
                },
            }
            for row in wanted["edited"]
            if row in before and row in after
        ],
    }


def check(order: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """Looks through the rows; what was found is kept with them for `reject` and `repair`."""
    base = order.get("base_folder")
    counter = TokenCounter(Path(base)) if base else None
    found = 0

    def told(step: str, done: int, total: int) -> None:
        desk.rest()
        desk.progress(done, total, step=step, found=found)

    with DatasetStore(Path(order["folder"])) as store:
        report = quality.examine_dataset(
            store, quality.Examination(counter=counter), progress=told, stop=desk.stop
        )
        kept = [[one.row, one.check, one.reason, one.repair] for one in report.findings]
        store.keep_setting(_FINDINGS, kept)
    return {
        "rows": report.rows,
        "stopped": report.stopped,
        "groups": list(_groups(report.findings)),
    }


def reject(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """Rejects every row with one of these findings, with its reasons."""
    with DatasetStore(Path(order["folder"])) as store:
        report = quality.Report(0, tuple(_kept_findings(store)))
        done = quality.reject_faults(store, report, frozenset(order["checks"]))
    return {"rows": done.rows, "label": done.label}


def repair(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """Mends every row that shows one finding."""
    with DatasetStore(Path(order["folder"])) as store:
        rows = [
            one.row
            for one in _kept_findings(store)
            if (one.check, one.repair) == (order["check"], order["repair"])
        ]
        done = quality.repair_rows(store, dict.fromkeys(rows), order["repair"])
    return {"rows": done.rows, "label": done.label}


def replace_text(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """Makes one change of wording in every row that holds the old words."""
    old, new = str(order["old"]), str(order["new"])
    changed: dict[int, Item] = {}
    with DatasetStore(Path(order["folder"])) as store:
        for row in store.rows(store.ids(RowFilter(search=old))):
            mended = with_texts(row.item, lambda text: text.replace(old, new))
            if mended != row.item:
                changed[row.id] = mended
        done = store.perform(ReplaceRows(changed, "Apply a repair"))
    return {"rows": done.rows, "label": done.label}


def split(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """Gives every accepted row a split, whole families together."""
    shares = Shares(order["train"], order["validation"], order["held_out"])
    with DatasetStore(Path(order["folder"])) as store:
        result = quality.split_dataset(store, shares, int(order["seed"]))
    return {"sizes": dict(result.sizes), "notes": list(result.notes)}


def shown(item: Item) -> dict[str, Any]:
    """A row as texts a person reads; long ones are cut."""
    prompt, answer = prompt_and_answer(item)
    return {
        "kind": body_of(item).kind,
        "prompt": prompt[:_SHOWN_CHARACTERS],
        "answer": answer[:_SHOWN_CHARACTERS],
        "task": item.task,
        "difficulty": item.difficulty,
        "family": item.family,
    }


def _by_rule(order: Mapping[str, Any]) -> Iterator[Item]:
    asked = order["request"]
    request = OfflineRequest(
        count=int(asked["count"]),
        seed=int(asked["seed"]),
        held_out=bool(asked.get("held_out", False)),
        tasks=dict(asked.get("tasks", {})),
        difficulty=dict(asked.get("difficulty", {})),
    )
    yield from offline.generate(order["domain"], order["kind"], request)


def _kept_findings(store: DatasetStore) -> Iterator[Finding]:
    for row, check_name, reason, repair_name in store.setting(_FINDINGS, []):
        yield Finding(row, check_name, reason, repair_name)


def _groups(findings: Sequence[Finding]) -> Iterator[dict[str, Any]]:
    """Findings that are alike together, in the order of the checks."""
    alike: dict[tuple[Check, str], list[Finding]] = {}
    for one in findings:
        alike.setdefault((one.check, one.repair), []).append(one)
    for (check_name, repair_name), members in alike.items():
        yield {
            "check": check_name,
            "title": CHECKS[check_name],
            "severity": members[0].severity,
            "repair": repair_name,
            "repair_title": REPAIRS[repair_name].title if repair_name else "",
            "rows": list(dict.fromkeys(one.row for one in members)),
            "example": members[0].reason,
        }


def _version_texts(
    store: DatasetStore, version: int | None, wanted: set[int]
) -> dict[int, dict[str, Any]]:
    rows: Iterator[Any]
    now = version is None
    rows = iter(store.rows(sorted(wanted))) if now else store.version_rows(version)
    return {
        row.id: {"id": row.id, "split": row.split, **shown(row.item)}
        for row in rows
        if row.id in wanted
    }


def _changes(before: str, after: str) -> list[tuple[str, str]]:
    """Both texts in one, word by word: what stayed (""), what went ("-"), what came ("+")."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    parts: list[tuple[str, str]] = []
    for what, i, j, k, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            parts.append(("", "".join(new[k:end])))
            continue
        if i < j:
            parts.append(("-", "".join(old[i:j])))
        if k < end:
            parts.append(("+", "".join(new[k:end])))
    return parts


def _count_tokens(store: DatasetStore, order: Mapping[str, Any], desk: Desk) -> int:
    if not order.get("base_folder"):
        return 0
    counter = TokenCounter(Path(order["base_folder"]))
    measured = set(store.ids(RowFilter(min_tokens=0)))
    missing = [row for row in store.ids() if row not in measured]
    for start in range(0, len(missing), _COUNTED_AT_ONCE):
        if desk.stop.is_set():
            return start
        desk.rest()
        part = store.rows(missing[start : start + _COUNTED_AT_ONCE])
        counts = counter.count([row.item for row in part])
        store.keep_tokens({row.hash: n for row, n in zip(part, counts, strict=True)})
        desk.progress(start + len(part), len(missing), step="tokens")
    return len(missing)


WORKS: Mapping[str, Work] = {
    "check": check,
    "reject": reject,
    "repair": repair,
    "replace_text": replace_text,
    "split": split,
    "preview": preview,
    "generate": generate,
    "count_tokens": count_tokens,
    "keep_version": keep_version,
    "diff": diff,
    "preview_file": preview_file,
    "import": import_files,
    "paste": paste,
    "export": export,
    "estimate": estimate_teaching,
    "teach": teach,
}
MAKE_ROWS = frozenset({"generate", "teach", "import", "paste"})
