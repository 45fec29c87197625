"""Repairs by name: what mends a row without changing what it says.

A repair is a function from row to row; a row it does not concern comes back as it was.
Knows nothing of datasets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.quality_secrets import masked
from expert_studio.core.datasets.row_body import Item, with_texts
from expert_studio.core.errors import DatasetError

SPECIAL_TOKEN = re.compile(
    r"<\|[A-Za-z_][A-Za-z0-9_]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|\[/?INST\]|<</?SYS>>"
    r"|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
)
"""How the control tokens of chat models are spelled; `<s>` is left alone, HTML has it."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufeff\ufffe]")
"""What no text needs: control characters but tab and line ends, byte order marks."""
HIDDEN = re.compile("[\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Characters that show nothing or turn the direction; joiners that scripts need are not here."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A named repair; `title` says for people what it does."""

    name: str
    title: str
    mend: Callable[[Item], Item]


def repaired(item: Item, name: str) -> Item:
    """The row after a repair.

    Raises:
        DatasetError: there is no repair of that name.
    """
    if name not in REPAIRS:
        raise DatasetError(f"There is no repair {name!r}.", f"Known are {', '.join(REPAIRS)}.")
    return REPAIRS[name].mend(item)


def _each_text(change: Callable[[str], str]) -> Callable[[Item], Item]:
    return lambda item: with_texts(item, change)


def _strip_special_tokens(text: str) -> str:
    while SPECIAL_TOKEN.search(text):  # taking one out may put another together
        text = SPECIAL_TOKEN.sub("", text)
    return text


def _ordered(item: Item) -> Item:
    if isinstance(item, Example):
        turns = _in_order(item.turns[:-1])
        return replace(item, turns=(*turns, item.turns[-1])) if turns else item
    if isinstance(item, PreferencePair):
        return replace(item, prompt=_in_order(item.prompt))
    return item


def _in_order(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """System first; messages of one role in a row become one; an answer never opens."""
    system = [turn.content for turn in turns if turn.role == "system"]
    spoken: list[Turn] = []
    for turn in turns:
        if turn.role == "system" or (not spoken and turn.role == "assistant"):
            continue
        if spoken and spoken[-1].role == turn.role:
            spoken[-1] = replace(turn, content=f"{spoken[-1].content}\n\n{turn.content}")
        else:
            spoken.append(turn)
    if spoken and spoken[-1].role == "assistant":
        spoken.pop()
    opening = [Turn("system", "\n\n".join(system))] if system else []
    return (*opening, *spoken)


def well_ordered(turns: tuple[Turn, ...]) -> bool:
    """Whether turns before an answer alternate, user first and last, after at most one system."""
    spoken = turns[1:] if turns and turns[0].role == "system" else turns
    return (
        bool(spoken)
        and spoken[0].role == "user"
        and spoken[-1].role == "user"
        and all(turn.role != "system" for turn in spoken)
        and all(one.role != other.role for one, other in pairwise(spoken))
    )


REPAIRS: Mapping[str, Repair] = {
    repair.name: repair
    for repair in (
        Repair("special_tokens", "Take out special tokens", _each_text(_strip_special_tokens)),
        Repair("trim", "Trim blanks at both ends", _each_text(str.strip)),
        Repair("roles", "Put messages into order", _ordered),
        Repair("mask", "Mask secrets and personal data", _each_text(masked)),
        Repair("nfc", "Compose characters (NFC)",
               _each_text(lambda text: unicodedata.normalize("NFC", text))),
        Repair("control", "Take out control characters",
               _each_text(lambda text: CONTROL.sub("", text.replace("\r\n", "\n")))),
        Repair("hidden", "Take out invisible characters",
               _each_text(lambda text: HIDDEN.sub("", text))),
    )
}  # fmt: skip
