"""Bugs of known kinds, put into a Python function; each changes one line.

Knows nothing of how the function was made, but for its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from expert_studio.core.datasets import offline_local_bugs as local
from expert_studio.core.datasets.offline_code_words import Words


@dataclass(frozen=True, slots=True)
class Bug:
    """A spoilt function: what kind of bug, its text, and how the line should be."""

    kind: str
    code: str
    line: str


Spoil = Callable[[str, Words], Iterator[tuple[str, str]]]  # -> (spoilt line, right line)


def replaced(code: str, *swaps: tuple[str, str], lines: str = "") -> Iterator[tuple[str, str]]:
    """Every line that one of the swaps changes, with what it was; once for each swap that fits.

    `lines` is a pattern that a line must have to be changed at all.
    """
    for line in code.splitlines():
        if lines and not re.search(lines, line):
            continue
        for right, wrong in swaps:
            spoilt = re.sub(right, wrong, line, count=1)
            if spoilt != line:
                yield spoilt, line


def spoil(chance: Random, code: str, words: Words, kinds: dict[str, Spoil]) -> Bug | None:
    """A bug of a kind that the code can have, kinds drawn evenly; None where it can have none."""
    for kind in chance.sample(list(kinds), len(kinds)):
        found = [(wrong, right) for wrong, right in kinds[kind](code, words) if wrong != right]
        lines = code.splitlines()
        found = [(wrong, right) for wrong, right in found if lines.count(right) == 1]
        if found:
            wrong, right = chance.choice(found)
            return Bug(kind, "\n".join(wrong if x == right else x for x in lines), right.strip())
    return None


def _off_by_one(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"range\(len\((\w+)\)\)", r"range(len(\1) - 1)"),
        (r"range\(1, (\w+) \+ 1\)", r"range(1, \1)"),
        (r"range\(1, len\((\w+)\)\)", r"range(len(\1))"),
        (r"range\((\w+), 0, -1\)", r"range(\1, 1, -1)"),
        (r"range\(len\((\w+)\) - 1\)", r"range(len(\1))"),
        (r"- size \+ 1\)", "- size)"),
        (r"\) \+ 1\):", ")):"),
        (r"\[i \+ 1:\]", "[i:]"),
        (r"len\((\w+)\) - 1$", r"len(\1)"),
        (r"\[middle - 1\]", "[middle - 2]"),
        (r"\[:(\w+)\]", r"[:\1 - 1]"),
        (r"enumerate\((\w+)\)", r"enumerate(\1, 1)"),
        (r"\[1\] if", "[2] if"),
        (r"= (middle [+-] 1)$", "= middle"),
        (r" in range\((\w+)\)", r" in range(\1 - 1)"),
    )


def _wrong_comparison(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"(\w\)?) > ([1-9])", r"\1 >= \2"),
        (r"(\w\)?) < (\d)", r"\1 <= \2"),
        (r" >= (\d)", r" > \1"),
        (r"(?<!\d) <= (1\d|[2-9])", r" < \1"),
        (r"(\d+) <= (\w+) <= (\d+)", r"\1 < \2 < \3"),
        (r" <= (size|high)", r" < \1"),
        lines=r"\bif\b|while|lambda|any\(",
    )


def _inverted(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"\bif (\w+) > (\w+)", r"if \1 <= \2"),
        (r"\bif (\w+) < (\w+)", r"if \1 >= \2"),
        (r"== 0\b", "!= 0"),
        (r"!= 0\b", "== 0"),
        (r"== target", "!= target"),
        (r" not in ", " in "),
        (r"\bif not (\w)", r"if \1"),
        (r'if ("\w+") in ', r"if \1 not in "),
        (r"if (\w+)\.(starts|ends)with", r"if not \1.\2with"),
        (r" is None:", " is not None:"),
        (r"not any\(", "any("),
        (r"if len\((\w+)\) > (\d)", r"if len(\1) <= \2"),
        (r"if len\((\w+)\) < (\d)", r"if len(\1) >= \2"),
        (r"if len\((\w+)\) == ", r"if len(\1) != "),
        (r"\bif (\w+) else", r"if not \1 else"),
        lines=r"\bif\b|any\(",
    )


def _wrong_operator(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r" \+= ", " -= "),
        (r" \*= ", " += "),
        (r" //= ", " /= "),
        (r" \*\* 2 for", " * 2 for"),
        (r"(\w+) \* \1\)", r"\1 + \1)"),
        (r"(\w+) \* (\d+) for", r"\1 + \2 for"),
        (r"\((\w+) \* (\d+)\)", r"(\1 + \2)"),
        (r" % (\w+)", r" // \1"),
        (r"\) / len", ") // len"),
        (r" / whole", " // whole"),
        (r" - (\w+), 0\)", r" + \1, 0)"),
        (r"\] - (\w+)\[", r"] + \1["),
        (r"\) - min", ") + min"),
        (r"\* weight", "+ weight"),
        (r"(\w+) \* (\w+)\(", r"\1 + \2("),
        (r" \* 3600 \+", " * 3600 -"),
        (r"a, b = b, a \+ b", "a, b = b, a * b"),
        (r"\) // 2", ") // 3"),
        (r", 0\) \+ ", ", 0) - "),
        (r" and \(", " or ("),
        (r" \+ other == target", " - other == target"),
        (r"(\w+) - (\w+) \* (\d+) / 100", r"\1 + \2 * \3 / 100"),
    )


def _wrong_variable(code: str, words: Words) -> Iterator[tuple[str, str]]:
    item = words.item
    many = words.many if re.search(rf"\b{words.many}\b", code) else words.one
    loop = f"for {item} in {many} "
    return replaced(
        code,
        (rf"append\({item}\)", f"append({words.many})"),
        (rf"return ({words.total}|{words.result})$", f"return {many}"),
        (rf"\+= {item}$", f"+= {words.total}"),
        (rf"return {item}$", f"return {words.many}"),
        (r"add\((\w+)\)", "add(seen)"),
        (rf"for {item} in {words.result}\b", f"for {words.item} in {words.many}"),
        (rf"\({item} {loop}", f"({many} {loop}"),
        (rf"(?<!len\()\[{item} {loop}", f"[{many} {loop}"),
        (rf"= {item}$", f"= {words.many}"),
        (r"low = middle", "high = middle"),
        (r"return low$", "return high"),
        (r"return middle$", "return target"),
        (r"\[value\] = key", "[key] = value"),
        (r"append\(a\)", "append(b)"),
        (r"group in groups", "group in group"),
        (r"return \[i for", f"return [{words.item} for"),
        (r"append\(i\)", f"append({words.item})"),
    )


def _missing_return(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """The last line's `return` is gone; inside a loop or a class it would be another bug."""
    lines = code.splitlines()
    if re.match(r"    return (?!None|True|False|-1)", lines[-1]) and code.count("return") == 1:
        yield lines[-1].replace("return ", "", 1), lines[-1]


def _mutable_default(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    start = re.search(r"if \w+ is None:\n\s+\w+ = (\[\]|\{\})", code)
    return replaced(code, (r"=None\)", f"={start[1]})"), lines="^def ") if start else iter(())


def _swapped(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"\.get\((\w+), 0\)", r".get(0, \1)"),
        (r"\.replace\((\"[^\"]*\"), (\"[^\"]*\")\)", r".replace(\2, \1)"),
        (r"setdefault\(([^()]*(?:\([^()]*\))?), \[\]\)", r"setdefault([], \1)"),
        (r"filter\((lambda .*), (\w+)\)\)", r"filter(\2, \1))"),
        (r"split\((\"[^\"]*\"), 1\)", r"split(1, \1)"),
        (r"range\((\w+), 0, -1\)", r"range(0, \1, -1)"),
        (r"range\(1, (\w+ \+ 1)\)", r"range(\1, 1)"),
        (r"(\"[^\"]*\")\.join\((\w+)\)", r"\2.join(\1)"),
        (r"(\w+)\.startswith\((\"\w+\")\)", r"\2.startswith(\1)"),
        (r"(\w+)\.endswith\((\"\w+\")\)", r"\2.endswith(\1)"),
        (r"(\w+) - (used)", r"\2 - \1"),
        (r"(\"\w+\") in (\w+)", r"\2 in \1"),
    )


def _shadowed(code: str, words: Words) -> Iterator[tuple[str, str]]:
    many = words.many
    return replaced(
        code,
        (rf"^    for {words.item} in {many}:", f"    for {many} in {many}:"),
        (
            rf"^    for i, {words.item} in enumerate\({many}\):",
            f"    for i, {many} in enumerate({many}):",
        ),
    )


def _wrong_start(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(code, (r"^(    \w+) = 0$", r"\1 = 1"), (r"^(    \w+) = 1$", r"\1 = 0"))


def _early_return(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """The last return stands inside the loop before it."""
    lines = code.splitlines()
    looped = any(line.startswith("    for ") for line in lines[:-1])
    if looped and lines[-1].startswith("    return ") and lines[-2].startswith("        "):
        yield "    " + lines[-1], lines[-1]


KINDS: dict[str, Spoil] = {
    "off-by-one": _off_by_one,
    "wrong comparison": _wrong_comparison,
    "inverted condition": _inverted,
    "wrong operator": _wrong_operator,
    "wrong variable": _wrong_variable,
    "missing return": _missing_return,
    "mutable default": _mutable_default,
    "swapped arguments": _swapped,
    "shadowed name": _shadowed,
    "wrong initial value": _wrong_start,
    "early return": _early_return,
    "missing colon": local.missing_colon,
    "unclosed bracket": local.unclosed_bracket,
    "unclosed text": local.unclosed_text,
    "single equals sign": local.single_equals_sign,
    "misspelt name": local.misspelt_name,
}
