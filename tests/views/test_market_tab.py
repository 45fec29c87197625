"""The marketplace tab over real local Git repositories: add, search, fetch, consent, cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from expert_studio.views.widgets.market_tab import MarketTab
from tests.git_repositories import expert_repository, marketplace_repository
from tests.views.library_stage import Stage

KEY = "ed25519:" + "ab" * 32


def entry(name: str, repository: str, **said: Any) -> dict[str, Any]:
    return {
        "name": name,
        "repository": repository,
        "description": f"What {name} does.",
        "versions": [{"version": "1.0.0", "ref": "v1.0.0"}],
        "license": "Apache-2.0",
    } | said


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A marketplace of three experts that are there and a hundred and fifty that are listed."""
    json_parser = expert_repository(tmp_path / "git" / "json-parser")
    cypher = expert_repository(
        tmp_path / "git" / "neo4j-cypher",
        "neo4j-cypher",
        load_order=6,
        requires=["json-parser@>=1.0.0"],
    )
    entries = [
        entry(
            "json-parser",
            json_parser.source,
            categories=["format"],
            publisher="Nord",
            public_key="",
        ),
        entry(
            "neo4j-cypher",
            cypher.source,
            categories=["technology"],
            versions=[{"version": "1.0.0", "ref": "v1.0.0", "requires": ["json-parser@>=1.0.0"]}],
        ),
        entry("law-terms", cypher.source, publisher="Verified House", public_key=KEY),
        *(entry(f"listed-{n:03d}", cypher.source, categories=["domain"]) for n in range(147)),
    ]
    publishers = {"publishers": [{"name": "Verified House", "public_key": KEY}]}
    market = marketplace_repository(tmp_path / "git" / "market", entries, publishers=publishers)
    return market.source


def opened_market(stage: Stage, source: str) -> MarketTab:
    stage.policy = "ask"
    stage.open()
    stage.page.show_tab(1)
    tab = stage.page.market.tab
    stage.qtbot.mouseClick(tab._first, Qt.MouseButton.LeftButton)
    dialog = stage.page.market.dialog
    assert dialog is not None
    dialog.source.setText(source.removeprefix("git+"))
    dialog.name.setText("main")
    dialog.add.click()
    stage.qtbot.waitUntil(lambda: len(tab.names) == 150, timeout=60000)
    return tab


def test_a_marketplace_is_added_searched_and_narrowed(stage: Stage, source: str) -> None:
    tab = opened_market(stage, source)
    assert "main: copy of" in tab.state_text
    assert "150 experts" in tab.state_text
    stage.page._search.setText("cypher")
    assert tab.names == ("neo4j-cypher",)
    stage.page._search.clear()
    tab.keep_to("format")
    assert tab.names == ("json-parser",)
    tab.keep_to("", verified_only=True)
    assert tab.names == ("law-terms",)
    tab.choose("law-terms")
    assert tab.details._chip.text() == "verified"
    tab.keep_to()
    stage.settle()


def test_an_expert_is_fetched_with_what_it_needs_and_installed_on_consent(
    stage: Stage, source: str
) -> None:
    tab = opened_market(stage, source)
    tab.choose("neo4j-cypher")
    stage.qtbot.mouseClick(tab.details.install, Qt.MouseButton.LeftButton)
    stage.qtbot.waitUntil(lambda: stage.page.sheet is not None, timeout=60000)
    sheet = stage.page.sheet
    assert sheet is not None
    assert stage.names() == []
    assert [card.arrival.name for card in sheet.cards] == ["json-parser", "neo4j-cypher"]
    assert "comes along" in sheet.said()
    sheet.agree("unsigned")
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=60000):
        stage.qtbot.mouseClick(sheet.install_button, Qt.MouseButton.LeftButton)
    stage.settle()
    assert stage.names() == ["json-parser", "neo4j-cypher"]
    stage.qtbot.waitUntil(
        lambda: not any((stage.library.root.parent / "incoming").glob("*")), timeout=20000
    )
    row = tab.names.index("neo4j-cypher")
    assert tab.model.index(row, 4).data() == "installed"


def test_a_fetch_can_be_cancelled(stage: Stage, source: str) -> None:
    tab = opened_market(stage, source)
    tab.choose("neo4j-cypher")
    stage.qtbot.mouseClick(tab.details.install, Qt.MouseButton.LeftButton)
    assert tab.fetch_bar.isVisible()
    assert not tab.details.install.isEnabled()
    stage.qtbot.mouseClick(tab.fetch_bar.stop, Qt.MouseButton.LeftButton)
    stage.qtbot.waitUntil(lambda: not stage.page.market.works.busy, timeout=60000)
    stage.settle()
    assert stage.page.sheet is None
    assert stage.names() == []
    assert "stopped" in stage.told().lower()
    assert not tab.fetch_bar.isVisible()


def test_a_source_that_cannot_be_reached_is_told(stage: Stage, tmp_path: Path) -> None:
    stage.open()
    stage.page.show_tab(1)
    stage.page.market.works.add("main", f"git+file://{(tmp_path / 'nowhere').as_posix()}")
    stage.qtbot.waitUntil(lambda: bool(stage.told()), timeout=60000)
    stage.settle()
    assert stage.page.market.tab._pages.currentIndex() == 1, "still nothing is listed"
