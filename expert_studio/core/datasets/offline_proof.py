"""Whether a row with a unit test is one our own generator makes: it is asked to make it again.

A row's `source` can say anything; that the same question and the same test come out of the
generator, for the seed and number in the row's name, cannot be pretended. Runs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from random import Random

from expert_studio.core.datasets import offline_python
from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.offline_request import DIFFICULTIES, RowDraw
from expert_studio.core.datasets.offline_rows import TRIES

_NAMED = re.compile(r"python-(complete)-(train|held-out)-(-?\d{1,18})-(\d{1,9})(?:-pair)?")


def proven_test(example: Example) -> str:
    """The unit test of a row, as our generator writes it again; "" where it does not.

    What is returned comes from the generator, never from the row.
    """
    name = _NAMED.fullmatch(example.identifier)
    if name is None or example.scorer != "python" or example.difficulty not in DIFFICULTIES:
        return ""
    asked = example.prompt[-1].content if len(example.prompt) == 1 else ""
    for draw in _draws(example, name):
        made = offline_python.remade(draw)
        if made.prompt == asked and made.check == example.check:
            return str(json.loads(made.check).get("test", ""))
    return ""


def _draws(example: Example, name: re.Match[str]) -> Iterator[RowDraw]:
    """The draws that can have been the row's: first try and later ones, with a corpus or not."""
    task, side, seed, index = name.groups()
    held_out = side == "held-out"
    identifier = f"python-{task}-{side}-{seed}-{index}"
    first = f"python-{offline_python.VERSION}-{seed}-{side}-{index}"
    # task and difficulty are drawn from it, and before them whether a held-out family is new
    seeds = [(first, 3 if held_out else 2)]
    seeds += [(f"{identifier}-again-{number}", 0) for number in range(TRIES)]
    for text, spent in seeds:
        for corpus in (0, 1):  # a corpus is asked for first, and may have given nothing
            for new_family in (True, False) if held_out else (False,):
                chance = Random(text)
                for _ in range(spent + corpus):
                    chance.random()
                yield RowDraw(
                    index=int(index),
                    identifier=identifier,
                    task=task,
                    difficulty=example.difficulty,  # type: ignore[arg-type]
                    chance=chance,
                    held_out_family=new_family,
                    held_out_words=held_out,
                )
