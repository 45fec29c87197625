"""Of several versions the one made for the base in use is active."""

from __future__ import annotations

from pathlib import Path

from expert_studio.core.experts.library import Library
from tests.expert_factory import BASE_NAME, base_sha256, installed_expert

OTHER = {"base_name": "Qwen3-0.6B", "base_digest": "a" * 64}


def two(folder: Path) -> Library:
    library = Library(folder)
    installed_expert(library, "json-parser", version="2.0.0")
    installed_expert(library, "json-parser", version="2.0.0+qwen3-0.6b", **OTHER)
    return library


def active(library: Library) -> str:
    (listed,) = library.experts()
    assert library.find("json-parser") == listed
    return listed.version


def test_the_one_made_for_the_base_is_active(tmp_path: Path) -> None:
    library = two(tmp_path)
    assert active(library) == "2.0.0"
    assert library.favour("Qwen3-0.6B", "a" * 64)
    assert active(library) == "2.0.0+qwen3-0.6b"
    assert not library.favour("Qwen3-0.6B", "a" * 64)
    assert library.favour(BASE_NAME, base_sha256())
    assert active(library) == "2.0.0"


def test_where_none_fits_the_highest_is_active(tmp_path: Path) -> None:
    library = two(tmp_path)
    library.favour("SmolLM", "b" * 64)
    assert active(library) == "2.0.0"


def test_a_persons_choice_comes_before_what_fits(tmp_path: Path) -> None:
    library = two(tmp_path)
    library.favour("Qwen3-0.6B", "a" * 64)
    library.activate("json-parser", "2.0.0", pinned=True)
    assert active(library) == "2.0.0"
    library.unpin("json-parser")
    assert active(library) == "2.0.0+qwen3-0.6b"


def test_a_fitting_older_version_comes_before_a_newer_one(tmp_path: Path) -> None:
    library = Library(tmp_path)
    installed_expert(library, "json-parser", version="1.0.0", **OTHER)
    installed_expert(library, "json-parser", version="3.0.0")
    library.favour("Qwen3-0.6B", "a" * 64)
    assert active(library) == "1.0.0"
