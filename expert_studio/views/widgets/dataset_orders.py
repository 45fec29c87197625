"""Long work on a dataset in words, and what an edit means for other rows. Knows no widget."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication

from expert_studio.core.datasets.row_body import Item, texts_of
from expert_studio.views.widgets.dataset_words import (
    count_text,
    money_text,
    rows_text,
    value_name,
)
from expert_studio.views.widgets.quantities import size_text, time_text

RESUMED = frozenset({"generate", "teach", "import", "paste"})
"""Work that makes rows; stopped, the same order goes on and repeats nothing."""
UNFINISHED = "unfinished work"
_LONGEST = 400  # characters
_WORD = re.compile(r"\w+|\W")


def work_title(work: str) -> str:
    titles = {
        "generate": _tr("Rows by rule"),
        "teach": _tr("Writing model"),
        "import": _tr("Import"),
        "paste": _tr("Pasting rows"),
        "check": _tr("Checking all rows"),
        "reject": _tr("Rejecting rows"),
        "repair": _tr("Repairing rows"),
        "replace_text": _tr("Changing rows"),
        "split": _tr("Splitting rows"),
        "keep_version": _tr("Keeping a version"),
        "diff": _tr("Comparing versions"),
        "export": _tr("Exporting rows"),
    }
    return titles.get(work, work)


def estimate_text(result: Mapping[str, Any]) -> str:
    """What asking a model will take, before it is asked."""
    usd = result["usd"]
    money = (
        _tr("costs about {usd}").format(usd=money_text(float(usd)))
        if usd is not None
        else _tr("at a price nobody has told us")
    )
    if usd == 0:
        money = _tr("costs nothing")
    told = _tr(
        "{requests} requests with about {tokens} tokens: {money} and takes about {time}. "
        "Below is the first request, word by word; nothing was sent yet."
    ).format(
        requests=count_text(int(result["requests"])),
        tokens=count_text(int(result["tokens"])),
        money=money,
        time=time_text(float(result["seconds"])),
    )
    if "memory_bytes" not in result:
        return told
    memory = _tr(
        "The base is loaded a second time, beside the chat's: that takes about {size}, and "
        "{free} are free."
    ).format(size=size_text(result["memory_bytes"]), free=size_text(result["free_bytes"]))
    if not result["fits"]:
        remedy = _tr("It does not fit: choose a smaller base, or int4 weights in the settings.")
        return f"{memory} {remedy}"
    return f"{told} {memory}"


def outcome_text(work: str, result: Mapping[str, Any]) -> str:
    """What became of the work, a sentence; "" where the page shows it anyway."""
    match work:
        case "generate" | "import" | "paste" | "teach":
            return _made_text(result)
        case "reject" | "repair" | "replace_text":
            return _tr("{label}: {rows}.").format(
                label=result["label"], rows=rows_text(int(result["rows"]))
            )
        case "split":
            sizes = " · ".join(
                f"{value_name('split', side)} {count_text(count)}"
                for side, count in result["sizes"].items()
            )
            return " ".join([f"{sizes}.", *result["notes"]])
        case "keep_version":
            return _tr("Version v{id} holds {rows} under {hash}.").format(
                id=result["id"], rows=rows_text(int(result["rows"])), hash=result["hash"][:12]
            )
        case "export":
            return _tr("{rows} were written to {file}.").format(
                rows=rows_text(int(result["rows"])), file=", ".join(result["files"])
            )
    return ""


def _made_text(result: Mapping[str, Any]) -> str:
    new = int(result.get("accepted", 0)) + int(result.get("pending", 0))
    parts = [_tr("{rows} added").format(rows=rows_text(new))]
    for key, text in (
        ("rejected", _tr("{n} rejected as repetitions")),
        ("repeated", _tr("{n} were there already")),
        ("refused", _tr("{n} could not be used")),
    ):
        if result.get(key):
            parts.append(text.format(n=count_text(int(result[key]))))
    if result.get("end") == "spent":
        parts.append(_tr("the cap on spending is reached"))
    elif result.get("end") == "exhausted":
        parts.append(_tr("so many could not be used that it ended early"))
    elif result.get("stopped"):
        parts.append(_tr("stopped before the end"))
    return " ".join([", ".join(parts) + ".", *_cost_texts(result)])


def _cost_texts(result: Mapping[str, Any]) -> Iterator[str]:
    """What a model took for it, to hold against the estimate."""
    if not result.get("spent_tokens"):
        return
    usd = result.get("spent_usd")
    tokens = count_text(int(result["spent_tokens"]))
    yield _tr("That took {tokens} tokens{money} and {time}.").format(
        tokens=tokens,
        money="" if not usd else _tr(", {usd}").format(usd=money_text(float(usd))),
        time=time_text(float(result["seconds"])),
    )


def repair_order(before: Item, after: Item) -> dict[str, str] | None:
    """The one change of wording between two rows, with a little around it; None for several."""
    changed = [
        (old, new)
        for old, new in zip(texts_of(before), texts_of(after), strict=False)
        if old != new
    ]
    if len(changed) != 1:
        return None
    old, new = (_WORD.findall(text) for text in changed[0])
    most = min(len(old), len(new))
    start = next((at for at in range(most) if old[at] != new[at]), most)
    most -= start
    end = next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)
    while not "".join(old[start : len(old) - end]).strip() and (start or end):
        if start:  # something was put in: what stands before it says where
            start -= 1
        else:
            end -= 1
    gone, come = "".join(old[start : len(old) - end]), "".join(new[start : len(new) - end])
    if not gone.strip() or len(gone) > _LONGEST:
        return None
    return {"old": gone, "new": come}


def _tr(text: str) -> str:
    return QCoreApplication.translate("dataset_orders", text)
