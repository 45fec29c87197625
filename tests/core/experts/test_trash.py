"""What was uninstalled comes back whole, and goes for good in time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from expert_studio.core.errors import LibraryError
from expert_studio.core.experts.install import uninstall
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.trash import KEPT_S, empty, restore
from tests.expert_factory import installed_expert


def test_every_version_comes_back_as_it_was(tmp_path: Path) -> None:
    library = Library(tmp_path)
    installed_expert(library, version="1.0.0")
    newer = installed_expert(library, version="1.1.0", seed=1)
    entry = uninstall("json-parser", library)
    assert library.experts() == ()
    assert restore(entry, library) == newer
    assert [expert.version for expert in library.versions("json-parser")] == ["1.1.0", "1.0.0"]


def test_one_installed_again_meanwhile_is_kept(tmp_path: Path) -> None:
    library = Library(tmp_path)
    installed_expert(library)
    entry = uninstall("json-parser", library)
    again = installed_expert(library, version="2.0.0")
    with pytest.raises(LibraryError, match="installed again meanwhile"):
        restore(entry, library)
    assert library.experts() == (again,)
    assert entry.is_dir()


def test_only_what_lies_in_the_trash_comes_back(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for entry in (tmp_path / ".trash" / "json-parser-000000000000", tmp_path / ".trash" / ".."):
        with pytest.raises(LibraryError, match="no longer in"):
            restore(entry, library)


def test_the_trash_is_emptied_by_age(tmp_path: Path) -> None:
    library = Library(tmp_path)
    assert empty(library) == 0
    installed_expert(library, "json-parser")
    installed_expert(library, "english-basic", load_order=3)
    old, fresh = uninstall("json-parser", library), uninstall("english-basic", library)
    long_ago = time.time() - KEPT_S - 1
    os.utime(old, (long_ago, long_ago))
    assert empty(library) == 1
    assert not old.exists()
    assert fresh.exists()
