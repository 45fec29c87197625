"""A JSON answer is laid out without changing what it says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_studio.views.widgets.json_block import json_block, laid_out

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(VALUES)
def test_only_white_space_changes(value: object) -> None:
    written = json.dumps([value])
    assert json.loads(laid_out(written)) == [value]
    assert json.dumps(json.loads(laid_out(written))) == written


def test_one_member_a_line_and_every_part_as_answered() -> None:
    block = json_block(' {"total": 1284.50, "total": 1e3, "kinds": [], "of": {"a\\"": [1, 2]}}\n')
    assert block is not None
    assert block.language == "json"
    assert block.text.split("\n") == [
        "{",
        '  "total": 1284.50,',
        '  "total": 1e3,',
        '  "kinds": [],',
        '  "of": {',
        '    "a\\"": [',
        "      1,",
        "      2",
        "    ]",
        "  }",
        "}",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "word",
        '"a"',
        "12",
        '{"a": 1} and more',
        "{'a': 1}",
        "[" * 9000,
        "[" + "1," * 12000 + "1]",
    ],
)
def test_anything_else_stays_as_it_came(text: str) -> None:
    assert json_block(text) is None
