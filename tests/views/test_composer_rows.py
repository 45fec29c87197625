"""The composer of a library that is too large to look through: found by a word, kept by a tick."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from expert_studio.core.experts.library import Library
from expert_studio.views.widgets.composer import Composer
from expert_studio.views.widgets.composer_rows import MOST_OTHERS
from tests.large_library import fill_library


def _composer(qtbot: QtBot, folder: Path, count: int) -> Composer:
    library = Library(folder / "library")
    fill_library(library, count)
    composer = Composer()
    qtbot.addWidget(composer)
    composer.show()
    composer.set_experts(library.experts())
    return composer


def _names(composer: Composer) -> list[str]:
    return [row.name for row in composer.rows]


def test_a_small_library_is_shown_whole_and_needs_no_search(qtbot: QtBot, tmp_path: Path) -> None:
    composer = _composer(qtbot, tmp_path, 12)
    assert len(composer.rows) == 12
    assert composer.choices.search.isHidden()
    assert composer.choices.told == ""


def test_of_a_large_library_a_word_finds_the_rest(qtbot: QtBot, tmp_path: Path) -> None:
    composer = _composer(qtbot, tmp_path, 60)
    search = composer.choices.search
    assert not search.isHidden()
    assert len(composer.rows) == MOST_OTHERS
    assert composer.choices.told.startswith(f"{60 - MOST_OTHERS} more")

    qtbot.keyClicks(search, "rust")
    found = _names(composer)
    assert found
    assert all("rust" in name for name in found)
    assert composer.choices.told == ""

    loner = next(row for row in composer.rows if not row.expert.manifest.constraints.requires)
    box = loner.findChild(QCheckBox)
    assert box is not None
    box.click()
    assert [member.name for member in composer.stack.members] == [loner.name]

    search.clear()
    assert loner.name in _names(composer), "what is in the stack is always in sight"
    assert len(composer.rows) in (MOST_OTHERS, MOST_OTHERS + 1)

    qtbot.keyClicks(search, "no such thing")
    assert _names(composer) == [loner.name]


def test_a_row_of_the_same_version_is_kept(qtbot: QtBot, tmp_path: Path) -> None:
    composer = _composer(qtbot, tmp_path, 10)
    before, experts = composer.rows, Library(tmp_path / "library").experts()
    composer.set_experts(experts[1:])
    assert composer.rows == before[1:]
    assert before[0].isHidden()
    composer.set_experts(experts)
    assert composer.rows[1:] == before[1:]
    assert all(row.isVisible() for row in composer.rows)
    assert _names(composer) == [expert.name for expert in experts]
