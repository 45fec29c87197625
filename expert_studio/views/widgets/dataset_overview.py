"""What charts and filters of a dataset need, read in one go beside the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QCoreApplication

from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_rows import Facet, RowFilter
from expert_studio.views.widgets.dataset_charts import Bar, length_bars, value_bars
from expert_studio.views.widgets.dataset_filter import FACETS
from expert_studio.views.widgets.dataset_words import column_name, count_text


@dataclass(frozen=True, slots=True)
class Overview:
    """The dataset at a glance.

    Attributes:
        facets: how many rows have each value, by column, of all rows.
        measure: "tokens" where they are counted, else "chars".
        values_of: the column the second chart shows.
    """

    facets: Mapping[str, Mapping[str, int]]
    measure: str
    length_bars: Sequence[Bar]
    lengths_told: str
    values_of: str
    value_bars: Sequence[Bar]


def read_overview(store: DatasetStore, wanted: RowFilter) -> Overview:
    """Facets of all rows, charts of those that are wanted; for a thread that may wait."""
    facets = {column: store.facets(cast(Facet, column)) for column in ("state", *FACETS)}
    lengths = store.lengths("tokens", wanted)
    measure = "tokens" if lengths else "chars"
    if not lengths:
        lengths = store.lengths("chars", wanted)
    unit = _tr("tokens") if measure == "tokens" else _tr("characters")
    column = next(
        (name for name in ("label", "task", "family") if len(facets[name]) > 1), "difficulty"
    )
    counts = store.facets(cast(Facet, column), wanted)
    return Overview(
        facets,
        measure,
        length_bars(lengths, unit),
        _lengths_told(lengths, unit),
        column,
        value_bars(counts, _tr("none")),
    )


def _lengths_told(lengths: Sequence[int], unit: str) -> str:
    if not lengths:
        return ""
    ordered = sorted(lengths)
    middle = count_text(ordered[len(ordered) // 2])
    return _tr("half have up to {middle} {unit}, the longest {longest}").format(
        middle=middle, unit=unit, longest=count_text(ordered[-1])
    )


def chart_title(column: str) -> str:
    titles = {
        "label": _tr("Labels"),
        "task": _tr("Tasks"),
        "family": _tr("Families"),
        "difficulty": _tr("Difficulty"),
    }
    return titles.get(column, column_name(column))


def _tr(text: str) -> str:
    return QCoreApplication.translate("dataset_overview", text)
