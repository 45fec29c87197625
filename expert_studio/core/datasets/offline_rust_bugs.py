"""Bugs of known kinds, put into a Rust function; each changes one line.

Some no longer compile (a moved value, a missing `mut`), as they do in life.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from expert_studio.core.datasets import offline_local_bugs as local
from expert_studio.core.datasets.offline_code_words import Words
from expert_studio.core.datasets.offline_python_bugs import Spoil, replaced


def _off_by_one(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"0\.\.(\w+)\.len\(\)", r"0..=\1.len()"),
        (r"in 1\.\.(\w+)\.len\(\)", r"in 0..\1.len()"),
        (r"1\.\.=(\w+)", r"1..\1"),
        (r"in 0\.\.(\w+) ", r"in 1..\1 "),
        (r"\.len\(\) - 1;", ".len();"),
        (r"= middle \+ 1;", "= middle;"),
        (r"truncate\(n\)", "truncate(n + 1)"),
        (r"take\((\d+)\)", r"take(\1 - 1)"),
        (r"windows\(2\)", "windows(1)"),
        (r"Some\(i\)", "Some(i + 1)"),
        (r"push\(i\)", "push(i + 1)"),
    )


def _wrong_comparison(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"(\w\)?) > ([1-9])", r"\1 >= \2"),
        (r"(\w\)?) < ([1-9])", r"\1 <= \2"),
        (r" >= ([1-9])", r" > \1"),
        (r" <= ([1-9])", r" < \1"),
        (r"\((\d+)\.\.=(\d+)\)\.contains", r"(\1..\2).contains"),
        (r"while low < high", "while low <= high"),
        lines=r"\bif\b|while|filter|find\(|any\(",
    )


def _inverted(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"\bif (\w+) > (\w+)", r"if \1 <= \2"),
        (r"\bif (\w+) < (\w+)", r"if \1 >= \2"),
        (r"(\| \w+) > (\d+)", r"\1 <= \2"),
        (r"(\| \w+) < (\d+)", r"\1 >= \2"),
        (r"== 0\b", "!= 0"),
        (r"!= 0\b", "== 0"),
        (r"== target", "!= target"),
        (r"\bif !", "if "),
        (r"if (\w+)\.(starts_with|ends_with)", r"if !\1.\2"),
        (r'if ("\w+"|\w+)\.contains', r"if !\1.contains"),
        (r"if \((\d+)\.\.=", r"if !(\1..="),
        (r"(\| )(\w+\.(?:starts_with|ends_with|contains))", r"\1!\2"),
        (r"if (\w+)\.is_empty", r"if !\1.is_empty"),
        (r"^    !(\w+\.iter)", r"    \1"),
        lines=r"\bif\b|filter|find\(|any\(",
    )


def _wrong_operator(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"^(\s+\w+) \+= ", r"\1 -= "),
        (r" \*= ", " += "),
        (r" /= ", " -= "),
        (r"\| (\w+) \* \1\)", r"| \1 + \1)"),
        (r"\| (\w+) \* (\w+)\)", r"| \1 + \2)"),
        (r"\((\w+) \* (\w+)\)", r"(\1 + \2)"),
        (r" % (\w+)", r" / \1"),
        (r"\((\w+) - used\)", r"(\1 + used)"),
        (r"\] - (\w+)\[", r"] + \1["),
        (r"(\w+) \* (\w+)\(", r"\1 + \2("),
        (r"\* 3600 \+", "* 3600 -"),
        (r"= \(b, a \+ b\)", "= (b, a * b)"),
        (r" && \(", " || ("),
        (r"pair\[0\] \+ pair", "pair[0] - pair"),
        (r"width \* self", "width + self"),
        (r"\.sum\(\)$", ".product()"),
        (r"\.product\(\)$", ".sum()"),
        (r"(\w+) / parts", r"\1 * parts"),
        (r"\* 100\.0", "/ 100.0"),
    )


def _wrong_variable(code: str, words: Words) -> Iterator[tuple[str, str]]:
    item = re.escape(words.item)
    same_type = re.search(rf"\({words.many}: &\[(\w+)\]\) -> Vec<\1>", code)
    return replaced(
        code,
        (rf"\+= {item};", f"+= {words.total};"),
        (rf"\*= {item};", f"*= {words.total};"),
        (r"return low$|^        low$", "        high"),
        (r"push\(a\)", "push(b)"),
        (r"low = middle", "high = middle"),
        (r"Some\(middle\)", "Some(low)"),
        (rf"return Some\({item}\)", "return None"),
        (rf"^    {words.result}$", f"    {words.many}.to_vec()" if same_type else r"\g<0>"),
        (r"pair\[0\] \+ pair\[1\]", "pair[0] + pair[0]"),
        (rf"push\({words.total}\)", f"push({words.item})"),
    )


def _missing_mut(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(code, (r"let mut ", "let "), (r"\(mut a, mut b\)", "(a, mut b)"))


def _missing_value(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """A semicolon after the last expression makes it a statement."""
    lines = code.splitlines()
    last = lines[-2] if len(lines) > 2 else ""
    if last.startswith("    ") and not last.startswith("     ") and last[-1] not in ";}":
        yield last + ";", last


def _unwrapped(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """Where the value is an Option; to unwrap what was parsed is another matter."""
    found = replaced(
        code,
        (r"\.unwrap_or\(\d+\)", ".unwrap()"),
        (r"filter_map\((.*?)\.next\(\)\)", r"map(\1.last().unwrap())"),
    )
    return ((wrong, right) for wrong, right in found if "parse" not in right)


def _integer_division(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r"(\w+) as f64 / (\w+) as f64", r"(\1 / \2) as f64"),
        (r"(\(\w+ \+ \w+\)) as f64 / 2\.0", r"(\1 / 2) as f64"),
        (r"(\w+\.iter\(\)\.sum::<i64>\(\)) as f64 / (\S+) as f64", r"(\1 / \2 as i64) as f64"),
    )


def _moved(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code,
        (r" in &(\w+) \{", r" in \1 {"),
        (r"(let (?:mut )?\w+ = \w+)\.clone\(\);", r"\1;"),
        (r"^(    \w+\.push\(\w+)\.clone\(\)\);", r"\1);"),
    )


def _wrong_start(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    return replaced(
        code, (r"^(    let mut \w+) = 0;", r"\1 = 1;"), (r"^(    let mut \w+) = 1;", r"\1 = 0;")
    )


KINDS: dict[str, Spoil] = {
    "off-by-one": _off_by_one,
    "wrong comparison": _wrong_comparison,
    "inverted condition": _inverted,
    "wrong operator": _wrong_operator,
    "wrong variable": _wrong_variable,
    "missing mut": _missing_mut,
    "missing return value": _missing_value,
    "unwrap on None": _unwrapped,
    "integer division": _integer_division,
    "moved value": _moved,
    "wrong initial value": _wrong_start,
    "missing semicolon": local.missing_semicolon,
    "unclosed bracket": local.unclosed_bracket,
    "unclosed text": local.unclosed_text,
    "single equals sign": local.single_equals_sign,
    "misspelt name": local.misspelt_name,
}
