"""Upstream's registry: written, read back elsewhere, the legacy list, and rows that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from expert_studio.core.errors import LibraryError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.registry_exchange import exported, import_registry, read_registry
from expert_studio.core.experts.trust import TrustStore
from expert_studio.core.settings import Folders
from tests.expert_factory import expert_file, installed_expert


def _accepting() -> Acceptance:
    return Acceptance(TrustStore.of(Folders.default()), unsigned="always")


def test_what_is_exported_comes_back_in_another_library(tmp_path: Path) -> None:
    first, second = Library(tmp_path / "first"), Library(tmp_path / "second")
    installed_expert(first, "english", load_order=3)
    installed_expert(first, "cypher", version="1.0.0", requires=["english@>=1.0"], load_order=6)
    installed_expert(first, "cypher", version="1.2.0", requires=["english"], load_order=6, seed=1)
    path = tmp_path / "expert-registry.json"
    path.write_bytes(exported(first, Folders.default()))
    said = json.loads(path.read_text())
    assert [(e["name"], [v["version"] for v in e["versions"]]) for e in said["experts"]] == [
        ("cypher", ["1.2.0", "1.0.0"]),
        ("english", ["1.0.0"]),
    ]
    needs = said["experts"][0]["versions"][1]["dependencies"]
    assert needs == [{"name": "english", "version": ">=1.0.0", "optional": False}]
    done = import_registry(path, second, _accepting())
    assert (done.missing, done.refused, done.problems) == ((), (), ())
    for expert in first.experts():
        assert second.versions(expert.name) == first.versions(expert.name)


def test_the_legacy_list_and_what_is_gone_or_none(tmp_path: Path) -> None:
    package = expert_file(tmp_path, "json-parser")
    rows = [
        {"name": "json-parser", "version": "1.0.0", "path": str(package)},
        {"name": "gone", "version": "1.0.0", "path": "F:/experts/gone", "source": "git+https://x"},
        {"name": "bad", "version": "latest", "path": ""},
        {"name": "../etc", "version": "1.0.0"},
        "nothing",
    ]
    path = tmp_path / "registry.json"
    path.write_text(json.dumps({"experts": rows}))
    library = Library(tmp_path / "library")
    done = import_registry(path, library, _accepting())
    assert [i.expert.name for i in done.installed] == ["json-parser"]
    assert [(m.name, m.source) for m in done.missing] == [("gone", "git+https://x")]
    assert len(done.problems) == 3
    refusing = Acceptance(TrustStore.of(Folders.default()), unsigned="never")
    again = import_registry(path, Library(tmp_path / "other"), refusing)
    assert again.installed == ()
    assert "Your settings refuse" in again.refused[0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"experts": 3}'])
def test_what_is_no_registry(tmp_path: Path, text: str) -> None:
    path = tmp_path / "registry.json"
    path.write_text(text)
    with pytest.raises(LibraryError, match="no expert registry"):
        read_registry(path)
