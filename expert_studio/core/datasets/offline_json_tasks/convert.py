"""Conversion: text of another format, or JSON of another form, into JSON.

Easy is one flat record, medium several records or one inner object, hard another form of a
nested document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple
from urllib.parse import quote_plus

from expert_studio.core.datasets.examples import user_message
from expert_studio.core.datasets.offline_json_tasks.any_keys import (
    ANY_KEYS,
    any_document,
    wants_any_keys,
)
from expert_studio.core.datasets.offline_json_tasks.repair import compact, some_keys
from expert_studio.core.datasets.offline_json_tasks.shapes import (
    Document,
    Member,
    Shape,
    camel,
    filled,
    shapes,
)
from expert_studio.core.datasets.offline_request import RowDraw
from expert_studio.core.datasets.offline_words import Json


class Converted(NamedTuple):
    """The whole request and its answer as a JSON value."""

    prompt: str
    answer: Member
    family: str


Records = list[Document]
Writer = Callable[[Random, Records, str], tuple[str, str, Member]]  # -> ask, text, answer


def converted(row: RowDraw) -> Converted:
    """One text or document to convert."""
    chance = row.chance
    if wants_any_keys(row):
        return _of_any_keys(row)
    shape = chance.choice(shapes(row.held_out_family))
    name = chance.choice(_OF[row.difficulty])
    deep = name in _DEEP
    if name == "flatten" and not shape.has_object:
        shape = chance.choice([one for one in shapes(row.held_out_family) if one.has_object])
    elif deep and shape.is_flat:
        shape = chance.choice([one for one in shapes(row.held_out_family) if not one.is_flat])
    count = 1 if name in _SINGLE else {"easy": 2, "medium": 3, "hard": 4}[row.difficulty]
    ask, text, answer = FORMATS[name](
        chance, _records(shape, row, count if deep else max(count, 1), deep), shape.name
    )
    return Converted(user_message(ask, text), answer, f"{name}/{shape.name}")


def _of_any_keys(row: RowDraw) -> Converted:
    name = row.chance.choice(FLAT_FORMATS)
    ask, text, answer = FORMATS[name](row.chance, [any_document(row.chance)], "record")
    return Converted(user_message(ask, text), answer, f"{ANY_KEYS}/{name}")


def _records(shape: Shape, row: RowDraw, count: int, deep: bool) -> Records:
    chance = row.chance
    made = [filled(shape, chance, row.held_out_words, nested=deep) for _ in range(count)]
    if deep:
        return [_with_inner(made[0], chance)]
    keys = list(some_keys(made[0], chance, {"easy": 4, "medium": 4, "hard": 5}[row.difficulty]))
    return [{key: record[key] for key in keys} for record in made]


def _with_inner(document: Document, chance: Random) -> Document:
    """Up to three plain keys and up to two that hold more."""
    plain = [key for key, member in document.items() if not isinstance(member, dict | list)]
    inner = [key for key, member in document.items() if isinstance(member, dict | list)]
    inner.sort(key=lambda key: isinstance(document[key], list))  # objects first
    keep = {*chance.sample(plain, min(3, len(plain))), *inner[: chance.choice((1, 2))]}
    return {key: member for key, member in document.items() if key in keep}


def _literal(value: Member) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(separator: str, name: str) -> Writer:
    def write(chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
        rows: list[dict[str, Member]] = [
            {
                key: x.replace(separator, " ") if isinstance(x, str) else x
                for key, x in record.items()
            }
            for record in records
        ]
        lines = [separator.join(rows[0])]
        lines += [separator.join(_literal(x) for x in row.values()) for row in rows]
        ask = chance.choice(
            (f"Convert this {name} to a JSON list.", f"{name} to JSON, one object a row.")
        )
        empty = any(x is None for row in rows for x in row.values())
        return ask + (" Empty is null." if empty else ""), "\n".join(lines), [*rows]

    return write


def _pipes(_chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    keys = list(records[0])
    rows = [keys, ["---"] * len(keys)]
    rows += [[_literal(x) for x in record.values()] for record in records]
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return "Convert this table to a JSON list. Empty is null.", text, [*records]


def _lines(mark: str) -> Writer:
    def write(chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
        record: dict[str, Member] = {k: x for k, x in records[0].items() if x is not None}
        lines = "\n".join(f"{key}{mark}{_literal(x)}" for key, x in record.items())
        ask = chance.choice(("Convert these lines to JSON.", "Write these lines as a JSON object."))
        return ask, lines, record

    return write


def _env(_chance: Random, records: Records, kind: str) -> tuple[str, str, Member]:
    record: dict[str, Member] = {k: x for k, x in records[0].items() if x is not None}
    lines = "\n".join(f"{kind.upper()}_{key.upper()}={_literal(x)}" for key, x in record.items())
    ask = f"Convert to JSON: keys in lower case, without the prefix {kind.upper()}_."
    return ask, lines, record


def _query(_chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    record: dict[str, Member] = {k: x for k, x in records[0].items() if x is not None}
    text = "&".join(f"{key}={quote_plus(_literal(x), safe=':/@,')}" for key, x in record.items())
    plain: dict[str, Member] = {**record}
    if any("%" in part for part in text.split("&")):  # only what a reader can decode by eye
        shown = {k: x for k, x in record.items() if "%" not in quote_plus(_literal(x), safe=":/@,")}
        plain = {**shown} or {"ok": True}
        text = "&".join(f"{k}={quote_plus(_literal(x), safe=':/@,')}" for k, x in plain.items())
    return "Convert this query string to JSON.", text, plain


def _yaml(_chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    return "Convert this YAML to JSON.", "\n".join(_yaml_lines(records[0], "")), records[0]


def _yaml_lines(value: Mapping[str, Member], indent: str) -> list[str]:
    lines = []
    for key, member in value.items():
        if isinstance(member, dict):
            lines += [f"{indent}{key}:", *_yaml_lines(member, indent + "  ")]
        elif isinstance(member, list):
            lines.append(f"{indent}{key}:")
            for one in member:
                if isinstance(one, dict):
                    first, *rest = _yaml_lines(one, indent + "  ")
                    lines += [f"{indent}- {first.strip()}", *rest]
                else:
                    lines.append(f"{indent}- {_yaml_scalar(one)}")
        else:
            lines.append(f"{indent}{key}: {_yaml_scalar(member)}")
    return lines


def _yaml_scalar(value: Member) -> str:
    if value is None:
        return "null"
    text = _literal(value)
    quoted = isinstance(value, str) and any(mark in text for mark in ":#&@%?{}[]+*'")
    return compact(text) if quoted else text


def _xml(_chance: Random, records: Records, kind: str) -> tuple[str, str, Member]:
    inside = _xml_parts(records[0], "  ")
    text = f"<{kind}>\n" + "\n".join(inside) + f"\n</{kind}>"
    return f"Convert this XML to JSON, without the outer {kind}.", text, records[0]


def _xml_parts(value: Mapping[str, Member], indent: str) -> list[str]:
    parts = []
    for key, member in value.items():
        if isinstance(member, dict):
            parts.append(f"{indent}<{key}>")
            parts += [*_xml_parts(member, indent + "  "), f"{indent}</{key}>"]
        elif isinstance(member, list):
            parts += _xml_list(key, member, indent)
        elif member is None:
            parts.append(f'{indent}<{key} nil="true"/>')
        else:
            parts.append(f"{indent}<{key}>{_literal(member)}</{key}>".replace("&", "&amp;"))
    return parts


def _xml_list(key: str, members: list[Member], indent: str) -> list[str]:
    parts = [f"{indent}<{key}>"]
    for one in members:
        if isinstance(one, dict):
            inside = "".join(part.strip() for part in _xml_parts(one, ""))
            parts.append(f"{indent}  <item>{inside}</item>")
        else:
            parts.append(f"{indent}  <item>{_literal(one)}</item>".replace("&", "&amp;"))
    return [*parts, f"{indent}</{key}>"]


def _ini(_chance: Random, records: Records, kind: str) -> tuple[str, str, Member]:
    record: dict[str, Member] = {k: x for k, x in records[0].items() if x is not None}
    keys = list(record)
    half = max(1, len(keys) // 2)
    first, second = keys[:half], keys[half:]
    text = "\n".join(
        (
            f"[{kind}]",
            *(f"{key} = {_literal(record[key])}" for key in first),
            "[more]",
            *(f"{key} = {_literal(record[key])}" for key in second),
        )
    )
    answer: dict[str, Member] = {
        kind: {key: record[key] for key in first},
        "more": {key: record[key] for key in second},
    }
    return "Convert this INI to JSON, one object a section.", text, answer


def _python(_chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    return "Convert this Python dict to JSON.", repr(records[0]), records[0]


_NEW_NAMES = {
    "name": "full_name", "city": "town", "price": "cost", "amount": "sum", "date": "day",
    "from": "origin", "to": "target", "title": "label", "id": "key", "email": "mail",
    "year": "since", "count": "total", "age": "years", "company": "firm", "open": "is_open",
    "paid": "is_paid", "color": "colour", "code": "number", "street": "address",
    "person": "who", "version": "release", "host": "server", "item": "article",
}  # fmt: skip


def _renamed(chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    record = records[0]
    chosen = chance.sample(list(record), min(2, len(record)))
    names = {key: _NEW_NAMES.get(key, f"{key}_{chance.choice(('new', 'value', 'text'))}")
             for key in chosen}  # fmt: skip
    said = ", ".join(f"{old} to {new}" for old, new in names.items())
    answer: dict[str, Member] = {names.get(key, key): member for key, member in record.items()}
    return f"Rename in this JSON: {said}.", compact(record), answer


def _picked(chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    keys = chance.sample(list(records[0]), max(1, len(records[0]) - 1))
    ask = f"Keep only {', '.join(keys)}, in this order."
    return ask, compact(records[0]), {key: records[0][key] for key in keys}


def _flattened(_chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    answer: dict[str, Member] = {}
    for key, member in records[0].items():
        if isinstance(member, dict):
            answer.update({f"{key}.{inner}": one for inner, one in member.items()})
        else:
            answer[key] = member
    return "Flatten inner objects to keys with a dot.", compact(records[0]), answer


def _grouped(chance: Random, records: Records, kind: str) -> tuple[str, str, Member]:
    record = records[0]
    keys = chance.sample(list(record), max(1, len(record) - 1))
    inner = [key for key in record if key in keys]
    answer: dict[str, Member] = {key: record[key] for key in record if key not in inner}
    answer[kind] = {key: record[key] for key in inner}
    ask = f"Move {', '.join(inner)} into an object {kind} at the end."
    return ask, compact(record), answer


def _columns(_chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    answer: dict[str, Member] = {key: [one[key] for one in records] for key in records[0]}
    ask = "Turn this list of objects into one object of lists."
    return ask, compact([*records]), answer


def _rows(_chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    columns: dict[str, Member] = {key: [one[key] for one in records] for key in records[0]}
    return "Turn these lists into a list of objects.", compact(columns), [*records]


def _values(chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    key = chance.choice(list(records[0]))
    ask = f"Give the values of {key} as a JSON list."
    return ask, compact([*records]), [one[key] for one in records]


def _typed(chance: Random, records: Records, kind: str) -> tuple[str, str, Member]:
    texts: dict[str, Member] = {
        key: _literal(x) if isinstance(x, bool | int | float) else x
        for key, x in records[0].items()
    }
    if texts == records[0]:
        return _picked(chance, records, kind)
    ask = "Turn numbers, true and false in quotes into real JSON values."
    return ask, compact(texts), records[0]


def _recased(chance: Random, records: Records, _kind: str) -> tuple[str, str, Member]:
    def raised(value: Member, change: Callable[[str], str]) -> Member:
        if isinstance(value, dict):
            return {change(key): raised(one, change) for key, one in value.items()}
        return [raised(one, change) for one in value] if isinstance(value, list) else value

    if any("_" in key for key in records[0]):
        return "Write the keys in camelCase.", compact(records[0]), raised(records[0], camel)
    if chance.random() < 0.5:
        return "Write the keys in upper case.", compact(records[0]), raised(records[0], str.upper)
    other = raised(records[0], str.capitalize)
    return "Write the keys in lower case.", compact(other), records[0]


FORMATS: Mapping[str, Writer] = {
    "csv": _table(",", "CSV"),
    "semicolon": _table(";", "CSV"),
    "tsv": _table("\t", "TSV"),
    "table": _pipes,
    "colon-lines": _lines(": "),
    "equals-lines": _lines(" = "),
    "env": _env,
    "query": _query,
    "flat-yaml": _yaml,
    "flat-xml": _xml,
    "ini": _ini,
    "python": _python,
    "rename": _renamed,
    "pick": _picked,
    "group": _grouped,
    "columns": _columns,
    "rows": _rows,
    "values": _values,
    "types": _typed,
    "case": _recased,
    "yaml": _yaml,
    "xml": _xml,
    "flatten": _flattened,
    "deep-python": _python,
}
_DEEP = ("yaml", "xml", "flatten", "deep-python")
_SINGLE = (
    *_DEEP,
    *("colon-lines", "equals-lines", "env", "query", "flat-yaml", "flat-xml", "ini", "python"),
    *("rename", "pick", "group", "types", "case"),
)
_EASY = ("csv", "colon-lines", "equals-lines", "env", "flat-yaml", "flat-xml", "python", "rename",
         "pick", "types", "values", "query", "case")  # fmt: skip
_MEDIUM = ("csv", "semicolon", "tsv", "table", "ini", "group", "columns", "rows", "values", "types",
           "flat-yaml", "flat-xml", "case")  # fmt: skip
# One record as text, or a change to one.
FLAT_FORMATS = ("colon-lines", "equals-lines", "flat-yaml", "flat-xml", "python", "types", "pick",
                "case")  # fmt: skip
_HARD = (*_DEEP, *_DEEP, "csv", "table", "columns", "rows", "tsv")
_OF: Mapping[str, tuple[str, ...]] = {"easy": _EASY, "medium": _MEDIUM, "hard": _HARD}
__all__ = ["FORMATS", "Converted", "Json", "converted"]
