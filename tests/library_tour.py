"""The Library page's part of the tour: every state of it, and the windows it opens."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from expert_studio.core.experts import keys, signing
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.trust import TrustStore
from tests.expert_factory import expert_file, installed_expert
from tests.git_repositories import expert_repository, marketplace_repository
from tests.large_library import fill_library

if TYPE_CHECKING:
    from tests.tour import Tour

AT = "2026-11-21T12:00:00Z"


def take(tour: Tour) -> None:
    """Drives the page through its states."""
    studio = tour.studio
    page = studio.library_page
    studio.window.show_page("library")
    tour.until(lambda: not page.busy, "the library")
    tour.settle()
    tour.picture("20-library")
    page.choose("document-classifier")
    tour.settle(0.4)
    tour.picture("21-library-details")
    tour.large("21-library-details")
    page.shelf.filter.set_form("list")
    tour.settle()
    tour.picture("22-library-list")
    page.shelf.filter.set_form("cards")
    with tempfile.TemporaryDirectory() as folder:
        _sheets(tour, Path(folder))
        _dialogs(tour)
        _market(tour, Path(folder))
    _crowd(tour)


def _sheets(tour: Tour, folder: Path) -> None:
    page = tour.studio.library_page
    key = keys.generate(folder / "keys" / "nord.pem", "Studio Nord")

    def shown(name: str, *files: Path) -> None:
        page.install(files)
        tour.until(lambda: page.sheet is not None, "the sheet")
        assert page.sheet is not None
        tour.dialog_picture(page.sheet, name)
        page.sheet.reject()
        tour.settle()

    shown("23-library-unsigned", expert_file(folder / "a", "neo4j-cypher", load_order=6))
    signed = signing.sign(expert_file(folder / "b", "law-terms", load_order=7), key, at=AT)
    shown("24-library-unknown-key", signed)
    newer = expert_file(
        folder / "c", "json-parser", version="2.1.0", seed=4, requires=["english-basic"]
    )
    shown("25-library-upgrade", newer)
    several = [
        expert_file(folder / "d", "english-basic", load_order=3),
        expert_file(folder / "e", "python-code", load_order=5, requires=["english-basic"]),
    ]
    shown("26-library-several", *several, signed)
    spoilt = signing.sign(expert_file(folder / "f", "rust-code", load_order=5), key, at=AT)
    spoilt.with_name(spoilt.name + ".sha256").unlink()
    data = bytearray(spoilt.read_bytes())
    data[30] ^= 1
    spoilt.write_bytes(data)
    shown("27-library-invalid", spoilt)
    TrustStore.of(tour.folders).add(key.public, "Studio Nord")
    page.install((expert_file(folder / "g", "neo4j-cypher", load_order=6),))
    tour.until(lambda: page.sheet is not None, "the sheet")
    assert page.sheet is not None
    page.sheet.try_button.click()
    trial = page.installs.trial
    assert trial is not None
    tour.until(lambda: "3 of" in trial.summary, "three prompts", 600)
    tour.dialog_picture(trial, "28-library-try")
    trial.accept()
    page.sheet.reject()
    tour.settle()


def _dialogs(tour: Tour) -> None:
    page, library = tour.studio.library_page, tour.studio.library
    first, second = (expert.name for expert in library.experts()[:2])
    page.dialogs.show_weights(first, library.experts())
    dialog = page.dialogs.shown
    assert dialog is not None
    dialog.ask(second)  # type: ignore[attr-defined]
    tour.until(lambda: "overlap" in dialog.said(), "the figures")  # type: ignore[attr-defined]
    tour.dialog_picture(dialog, "29-library-weights")
    dialog.accept()
    tour.settle()


def _market(tour: Tour, folder: Path) -> None:
    page = tour.studio.library_page
    page.show_tab(1)
    tour.settle(0.4)
    tour.picture("29b-library-market-empty")
    real = expert_repository(folder / "git" / "english-basic", "english-basic")
    key = "ed25519:" + "ab" * 32
    entries = [
        {
            "name": f"{subject}-{ending}",
            "repository": real.source,
            "description": f"{ending.capitalize()} work on {subject}, in short texts and long.",
            "publisher": ("Studio Nord", "Verified House")[n % 2],
            "public_key": key if n % 2 else "",
            "categories": [("format", "technology", "domain")[n % 3]],
            "license": "Apache-2.0",
            "bases": ["expert-base-12m"],
            "versions": [{"version": f"1.{n % 4}.0", "ref": "v1.0.0", "size_bytes": 1_100_000}],
        }
        for n, (subject, ending) in enumerate(
            (s, e)
            for s in ("json", "cypher", "python", "law", "finance", "csv", "sql", "medicine")
            for e in ("basic", "strict", "forms")
        )
    ]
    publishers = {"publishers": [{"name": "Verified House", "public_key": key}]}
    market = marketplace_repository(folder / "git" / "market", entries, publishers=publishers)
    page.market.works.add("main", market.source)
    tour.until(lambda: len(page.market.tab.names) == len(entries), "the marketplace")
    page.market.tab.choose("cypher-strict")
    tour.settle()
    tour.picture("29c-library-market")
    page.show_tab(0)
    tour.settle()


def _crowd(tour: Tour) -> None:
    page, library = tour.studio.library_page, tour.studio.library
    page.works.uninstall(tuple(e.name for e in reversed(library.experts())))
    tour.until(lambda: not page.contents.experts and not page.busy, "an empty library")
    tour.clear_toasts()
    tour.picture("29d-library-empty")
    fill_library(library, 200)
    installed_expert(Library(library.root), "zebra-notes", load_order=9)
    page.works.tell_change()
    tour.until(lambda: len(page.contents.experts) == 201, "two hundred experts")
    tour.clear_toasts()
    tour.settle(0.5)
    page.choose("summarize-basic")
    tour.settle(0.4)
    tour.picture("29e-library-200")
    page.shelf.filter.set_form("graph")
    page.choose("")
    tour.settle(0.4)
    tour.picture("29f-library-graph-200")
    page.choose("summarize-basic")
    page.shelf.graph.view.go_to("summarize-basic")
    tour.settle()
    tour.picture("29g-library-graph-chosen")
    page.shelf.graph.around.click()
    tour.settle()
    tour.picture("29h-library-graph-around")
    page.shelf.filter.set_form("list")
    tour.settle()
    tour.picture("29i-library-list-200")
    tour.studio.window.show_page("chat")
    tour.settle(0.4)
    tour.picture("29j-composer-200")
    tour.studio.window.show_page("library")
    page.shelf.filter.set_form("cards")
