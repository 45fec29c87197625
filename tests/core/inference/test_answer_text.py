"""What may be shown of an answer, token by token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_studio.core.inference.answer_text import AnswerText
from expert_studio.core.inference.tokenizer import ChatTokenizer
from tests.core.inference.random_bases import BUNDLED

TOKENIZER = ChatTokenizer(BUNDLED)
THINK, END_THINK = 3, 4


def _said(tokens: list[int], stop: tuple[str, ...] = ()) -> list[str]:
    """The pieces given, the last by finish()."""
    text = AnswerText(TOKENIZER, stop)
    pieces = []
    for token in tokens:
        pieces.append(text.push(token))
        if text.stopped:
            break
    pieces.append(text.finish())
    assert "".join(pieces) == text.text
    return pieces


@given(st.text(min_size=1, max_size=40))
def test_pieces_are_whole_characters(text: str) -> None:
    pieces = _said(TOKENIZER.encode(text))
    assert "".join(pieces) == text
    assert "�" in text or not any("�" in piece for piece in pieces)


def test_half_a_character_at_the_end_is_dropped() -> None:
    tokens = TOKENIZER.encode("ok 🦜")
    assert TOKENIZER.token_bytes(tokens[-1]) != "🦜".encode()
    assert "".join(_said(tokens[:-1])).rstrip() == "ok"


@pytest.mark.parametrize(
    "tokens",
    [
        [THINK, *TOKENIZER.encode("secret\n"), END_THINK, *TOKENIZER.encode("\n\nAnswer.")],
        [THINK, *TOKENIZER.encode("\n\n"), END_THINK, *TOKENIZER.encode("\n\n"),
         *TOKENIZER.encode("Answer.")],
        TOKENIZER.encode("<think>secret</think>\n\nAnswer."),
    ],
)  # fmt: skip
def test_thinking_is_not_shown(tokens: list[int]) -> None:
    assert "".join(_said(tokens)) == "Answer."


def test_thinking_that_never_ends_is_not_shown() -> None:
    assert "".join(_said([THINK, *TOKENIZER.encode("secret, and more")])) == ""


def test_other_control_tokens_are_not_shown() -> None:
    assert "".join(_said([1, *TOKENIZER.encode("user"), 0])) == "user"


def test_less_than_stays_shown() -> None:
    assert "".join(_said(TOKENIZER.encode("if a <th and b < c"))) == "if a <th and b < c"


@pytest.mark.parametrize(
    ("text", "stop", "shown"),
    [
        ("one\nUser: two", ("\nUser:",), "one"),
        ("one two three", ("two", "one t"), ""),
        ("abcabd", ("abd",), "abc"),
        ("no stop here", ("###",), "no stop here"),
        ("ends with half ##", ("###",), "ends with half ##"),
        ("aaab", ("aab",), "a"),
        ("x", ("",), "x"),
    ],
)
def test_stop_strings(text: str, stop: tuple[str, ...], shown: str) -> None:
    assert "".join(_said(TOKENIZER.encode(text), stop)) == shown


@given(st.text("ab#", min_size=1, max_size=30), st.text("ab#", min_size=1, max_size=4))
def test_no_part_of_a_stop_string_leaks(text: str, stop: str) -> None:
    shown = "".join(_said(TOKENIZER.encode(text), (stop,)))
    assert shown == text.partition(stop)[0]
