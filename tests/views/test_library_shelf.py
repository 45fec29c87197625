"""The shelf of installed experts: facets, list, and a thousand of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.trust import Standing
from expert_studio.views.widgets.expert_model import NAME, SIGNATURE, SIZE
from expert_studio.views.widgets.library_contents import LibraryContents
from expert_studio.views.widgets.library_shelf import LibraryShelf
from tests.expert_factory import installed_expert


@pytest.fixture
def shelf(qtbot: QtBot) -> LibraryShelf:
    made = LibraryShelf()
    qtbot.addWidget(made)
    made.resize(820, 700)
    made.show()
    return made


@pytest.fixture
def experts(tmp_path: Path) -> tuple[InstalledExpert, ...]:
    library = Library(tmp_path / "library")
    installed_expert(library, "json-parser", license="MIT", capabilities=["format:json"])
    installed_expert(library, "english-basic", load_order=3, kind="ia3", modules=("k_proj",))
    installed_expert(
        library, "python-code", load_order=5, rank=8, capabilities=["tech:python", "format:json"]
    )
    installed_expert(library, "law-terms", load_order=7, base_name="Qwen3-0.6B", base_digest="")
    return library.experts()


def _show(shelf: LibraryShelf, contents: LibraryContents, qtbot: QtBot) -> None:
    shelf.show_contents(contents, None)
    qtbot.waitUntil(lambda: not shelf.pending)


def test_each_facet_keeps_to_what_was_chosen(
    shelf: LibraryShelf, experts: tuple[InstalledExpert, ...], qtbot: QtBot
) -> None:
    _show(shelf, LibraryContents(experts), qtbot)
    keep = shelf.filter
    keep.menu("capability").choose("format:json")
    assert shelf.names == ("json-parser", "python-code")
    keep.menu("licence").choose("MIT")
    assert shelf.names == ("json-parser",)
    keep.clear()
    keep.menu("kind").choose("IA³")
    assert shelf.names == ("english-basic",)
    keep.clear()
    keep.menu("base").choose("Qwen3-0.6B")
    assert shelf.names == ("law-terms",)
    assert keep.menu("base").text() == "Base: Qwen3-0.6B"
    keep.menu("kind").choose("IA³")
    assert shelf.names == ()
    assert shelf.nothing.isVisible()
    shelf.show_all.click()
    assert len(shelf.names) == 4


def test_a_facet_whose_value_is_gone_lets_go_of_it(
    shelf: LibraryShelf, experts: tuple[InstalledExpert, ...], qtbot: QtBot
) -> None:
    _show(shelf, LibraryContents(experts), qtbot)
    shelf.filter.menu("licence").choose("MIT")
    _show(shelf, LibraryContents(experts[1:]), qtbot)
    assert len(shelf.names) == 3


def test_the_list_sorts_by_a_column_and_chooses_by_key(
    shelf: LibraryShelf, experts: tuple[InstalledExpert, ...], qtbot: QtBot
) -> None:
    trusted = Standing("trusted", "It is intact.", "ed25519:" + "1" * 64, "Nord")
    _show(shelf, LibraryContents(experts, standings={"json-parser": trusted}), qtbot)
    shelf.filter.set_form("list")
    assert shelf.table.isVisible()
    assert not shelf.cards.isVisible()
    head = shelf.table.horizontalHeader()
    head.setSortIndicator(NAME, Qt.SortOrder.AscendingOrder)
    assert shelf.names == ("english-basic", "json-parser", "law-terms", "python-code")
    head.setSortIndicator(SIZE, Qt.SortOrder.DescendingOrder)
    assert shelf.names[0] == "python-code"
    row = shelf.names.index("json-parser")
    assert shelf.model.index(row, SIGNATURE).data() == "signed"
    shelf.table.setCurrentIndex(shelf.model.index(0, 0))
    with qtbot.waitSignal(shelf.chosen) as chosen:
        qtbot.keyClick(shelf.table, Qt.Key.Key_Down)
    assert chosen.args == [shelf.names[1]]


def test_only_what_is_seen_of_a_thousand_is_drawn(
    shelf: LibraryShelf, experts: tuple[InstalledExpert, ...], qtbot: QtBot
) -> None:
    many = tuple(replace(experts[n % 4], name=f"expert-{n:04d}") for n in range(1000))
    _show(shelf, LibraryContents(many), qtbot)
    qtbot.waitUntil(lambda: shelf.cards.verticalScrollBar().maximum() > 10_000)
    assert len(shelf.names) == 1000
    shelf.choose("expert-0999")
    bottom = shelf.cards.verticalScrollBar()
    assert bottom.value() > 0.9 * bottom.maximum()
    assert len(shelf.findChildren(type(shelf.cards))) == 1
    shelf.filter.menu("kind").choose("IA³")
    assert len(shelf.names) == 250
