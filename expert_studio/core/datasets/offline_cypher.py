"""Cypher tasks made by rule: a graph's schema and a question in, a query out.

Families are intents ("order/top"); a part of them, and a quarter of all names, is held out.
Knows nothing of files or training.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from expert_studio.core.datasets.cypher_text import normalise_cypher
from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.offline_cypher_templates import (
    Family,
    Filled,
    cypher_families,
    fill,
)
from expert_studio.core.datasets.offline_request import (
    DIFFICULTIES,
    FamilyName,
    OfflineRequest,
    RowDraw,
    row_draws,
)
from expert_studio.core.datasets.offline_rows import MadeRow, made_examples, made_pairs
from expert_studio.core.datasets.preference import PreferencePair

VERSION = 2
TASKS: tuple[str, ...] = (
    "match",
    "filter",
    "aggregate",
    "order",
    "having",
    "optional",
    "exists",
    "collect",
    "path",
    "compute",
    "create",
    "merge",
    "update",
    "delete",
)
_MIX = dict.fromkeys(TASKS, 1.0) | {"match": 1.2, "filter": 2.4, "aggregate": 1.8, "order": 1.5}
_SOURCE = "made by rule (expert_studio.core.datasets.offline_cypher)"
_ASK = (
    "Write a Cypher query for this question.",
    "Translate the question into Cypher.",
    "Write Cypher.",
    "Answer with a Cypher query.",
)


def families() -> tuple[FamilyName, ...]:
    """All template families of the domain."""
    return tuple(FamilyName(each.name, each.task, each.held_out) for each in cypher_families())


def sft_rows(request: OfflineRequest) -> Iterator[Example]:
    """Yields `request.count` questions with their queries.

    Raises:
        DatasetError: the request is impossible.
    """
    return made_examples(_draws(request), _row, _SOURCE)


def preference_pairs(request: OfflineRequest) -> Iterator[PreferencePair]:
    """Yields `request.count` questions with a right query and one that has a known flaw.

    Raises:
        DatasetError: the request is impossible.
    """
    return made_pairs(_draws(request), _flawed_row, _SOURCE)


def _draws(request: OfflineRequest) -> Iterator[RowDraw]:
    return row_draws(request, "cypher", VERSION, _MIX, families)


def _row(draw: RowDraw) -> MadeRow:
    return _made(draw)[0]


def _flawed_row(draw: RowDraw) -> MadeRow:
    row, filled = _made(draw)
    return replace(row, wrong=_flaws(filled))


def _made(draw: RowDraw) -> tuple[MadeRow, Filled]:
    family = _family(draw)
    filled = fill(draw.chance, family, draw.difficulty, draw.held_out_words)
    ask = draw.chance.choice(_ASK)
    prompt = f"{ask}\n{filled.schema.text()}\n\n{filled.question}"
    row = MadeRow(prompt, filled.query, family.name.partition("/")[2], scorer="cypher")
    return row, filled


def _family(draw: RowDraw) -> Family:
    """One of the task and the difficulty, or of the nearest difficulty there is.

    Where the request names families, all of them of the task are drawn alike.
    """
    known = [
        each
        for each in cypher_families()
        if each.task == draw.task and each.held_out is draw.held_out_family
    ]
    if draw.families:
        return draw.chance.choice([each for each in known if draw.allows(each.name)])
    wanted = DIFFICULTIES.index(draw.difficulty)
    distance = {each: abs(DIFFICULTIES.index(each.difficulty) - wanted) for each in known}
    nearest = min(distance.values())
    return draw.chance.choice([each for each in known if distance[each] == nearest])


def _turned(query: str, _filled: Filled) -> str:
    if ")<-[" in query:
        return re.sub(r"\)<-(\[[^\]]*\])-\(", r")-\1->(", query, count=1)
    return re.sub(r"\)-(\[[^\]]*\])->\(", r")<-\1-(", query, count=1)


def _other_type(query: str, filled: Filled) -> str:
    types = [each.kind for each in filled.schema.relationships]
    used = next((kind for kind in types if f":{kind}]" in query), "")
    other = next((kind for kind in types if kind != used), f"{used}_TO")
    return query.replace(f":{used}]", f":{other}]") if used else query


def _other_label(query: str, filled: Filled) -> str:
    names = [each.name for each in filled.schema.labels]
    used = next((name for name in names if re.search(rf":{name}\b", query)), "")
    other = next((name for name in names if name != used), "")
    return re.sub(rf":{used}\b", f":{other}", query, count=1) if used and other else query


def _other_property(query: str, filled: Filled) -> str:
    for label in filled.schema.labels:
        for each in label.properties[1:]:
            if re.search(rf"\.{each.name}\b", query):
                invented = f"{each.name}Value"
                others = [p.name for p in label.properties if p.name != each.name]
                return re.sub(rf"\.{each.name}\b", f".{(*others[1:], invented)[0]}", query)
    return re.sub(r"\.(\w+)", r".\1Value", query, count=1)


def _other_operator(query: str, _filled: Filled) -> str:
    swaps = {">=": ">", "<=": "<", " > ": " < ", " < ": " > ", "<>": "=", " AND ": " OR "}
    swaps |= {" OR ": " AND ", "STARTS WITH": "CONTAINS", "= true": "= false"}
    for right, wrong in swaps.items():
        if right in query:
            return query.replace(right, wrong, 1)
    return query


def _bare_text(query: str, _filled: Filled) -> str:
    return re.sub(r"'(\w+)'", r"\1", query, count=1)


def _no_limit(query: str, _filled: Filled) -> str:
    return re.sub(r"\nLIMIT \d+", "", query)


def _other_order(query: str, _filled: Filled) -> str:
    if " DESC" in query:
        return query.replace(" DESC", "")
    return re.sub(r"(ORDER BY [\w.]+)", r"\1 DESC", query)


def _no_filter(query: str, _filled: Filled) -> str:
    return re.sub(r"\nWHERE [^\n]*|(?<=\w) \{[^}]*\}(?=\))", "", query, count=1)


def _not_detached(query: str, _filled: Filled) -> str:
    return query.replace("DETACH DELETE", "DELETE")


def _doubled(query: str, _filled: Filled) -> str:
    return query.replace("MERGE", "CREATE", 1)


def _no_return(query: str, _filled: Filled) -> str:
    return re.sub(r"\nRETURN [^\n]*", "", query)


def _in_sql(query: str, filled: Filled) -> str:
    label = filled.schema.labels[0]
    found = re.search(r"RETURN (?:\w+\.)?(\w+)", query)
    return f"SELECT {found[1] if found else '*'} FROM {label.name}"


FLAWS: dict[str, Callable[[str, Filled], str]] = {
    "turned relationship": _turned,
    "wrong relationship type": _other_type,
    "wrong label": _other_label,
    "wrong property": _other_property,
    "wrong operator": _other_operator,
    "text without quotes": _bare_text,
    "missing limit": _no_limit,
    "wrong order": _other_order,
    "missing filter": _no_filter,
    "not detached": _not_detached,
    "created twice": _doubled,
    "missing return": _no_return,
    "SQL": _in_sql,
}


def _flaws(filled: Filled) -> list[tuple[str, str]]:
    """Every flaw that changes this query, and the query with it."""
    right = normalise_cypher(filled.query)
    spoilt = [(name, flaw(filled.query, filled)) for name, flaw in FLAWS.items()]
    return [(name, wrong) for name, wrong in spoilt if normalise_cypher(wrong) != right]
