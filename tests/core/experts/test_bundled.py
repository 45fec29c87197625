"""The experts that came with the app: installed once, replaced when they were trained anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.bundled import OFFERED_FILE, install_bundled
from expert_studio.core.experts.install import install, uninstall
from expert_studio.core.experts.library import Library
from tests.expert_factory import expert_file

NAME = "json-parser"


def bring(source: Path, seed: int) -> Path:
    (source / NAME).mkdir(parents=True, exist_ok=True)
    return expert_file(source / NAME, NAME, seed=seed)


def weights(library: Library) -> str:
    return library.find(NAME).weights_sha256


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_they_are_installed_once_and_stay_away_once_removed(
    library: Library, tmp_path: Path
) -> None:
    bring(tmp_path / "app", 0)
    assert install_bundled(tmp_path / "app", library) == (NAME,)
    assert install_bundled(tmp_path / "app", library) == ()
    uninstall(NAME, library)
    assert install_bundled(tmp_path / "app", library) == ()
    bring(tmp_path / "app", 1)
    assert install_bundled(tmp_path / "app", library) == ()
    assert library.experts() == ()


@pytest.mark.parametrize("noted_by_earlier_version", [False, True])
def test_one_trained_anew_takes_the_place_of_the_former(
    library: Library, tmp_path: Path, noted_by_earlier_version: bool
) -> None:
    bring(tmp_path / "app", 0)
    install_bundled(tmp_path / "app", library)
    if noted_by_earlier_version:
        (library.root / OFFERED_FILE).write_text(json.dumps([f"{NAME}@1.0.0"]))
    before = weights(library)
    bring(tmp_path / "app", 1)
    assert install_bundled(tmp_path / "app", library) == (NAME,)
    assert weights(library) != before
    assert install_bundled(tmp_path / "app", library) == ()


def test_what_the_person_installed_themselves_stays(library: Library, tmp_path: Path) -> None:
    bring(tmp_path / "app", 0)
    install_bundled(tmp_path / "app", library)
    uninstall(NAME, library)
    (tmp_path / "own").mkdir()
    install(expert_file(tmp_path / "own", NAME, seed=5), library)
    own = weights(library)
    bring(tmp_path / "app", 1)
    assert install_bundled(tmp_path / "app", library) == ()
    assert weights(library) == own


def test_where_the_new_one_is_refused_the_former_stays(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(tmp_path / "app", 0)
    install_bundled(tmp_path / "app", library)
    before = weights(library)
    bring(tmp_path / "app", 1)

    def full(*_: object) -> None:
        raise ExpertError("The disk is full.")

    monkeypatch.setattr("expert_studio.core.experts.bundled.install", full)
    with pytest.raises(ExpertError, match="full"):
        install_bundled(tmp_path / "app", library)
    assert weights(library) == before
