"""Signing what ships: one key for all, its public half beside the resources, trusted at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from expert_studio.core.errors import UsageError
from expert_studio.core.experts import official, signing
from expert_studio.core.experts.trust import TrustStore
from expert_studio.core.settings import resources_folder
from tests.expert_factory import expert_file


def _built(folder: Path) -> Path:
    for name in ("json-parser", "english-basic"):
        expert_file(folder / name, name)
    return folder


def test_all_are_signed_with_one_key_that_ships(tmp_path: Path) -> None:
    experts, trust = _built(tmp_path / "experts"), tmp_path / "trust"
    done = official.sign_official(experts, trust_folder=trust)
    assert [p.name for p in done.packages] == ["english-basic.expert", "json-parser.expert"]
    store = TrustStore(tmp_path / "trust.json", trust)
    for package in done.packages:
        standing, _ = signing.examine(package, store)
        assert (standing.state, standing.publisher) == ("trusted", "Expert Studio")
    assert "PRIVATE" not in "".join(p.read_text() for p in trust.iterdir())


def test_another_build_replaces_the_key_and_every_signature(tmp_path: Path) -> None:
    experts, trust = _built(tmp_path / "experts"), tmp_path / "trust"
    first = official.sign_official(experts, trust_folder=trust)
    second = official.sign_official(experts, trust_folder=trust)
    assert first.public_key != second.public_key
    store = TrustStore(tmp_path / "trust.json", trust)
    assert {signing.examine(p, store)[0].state for p in second.packages} == {"trusted"}


def test_a_kept_key_signs_the_same_bytes_again(tmp_path: Path) -> None:
    experts, key = _built(tmp_path / "experts"), tmp_path / "kept" / "official.pem"
    trust, at = tmp_path / "trust", "2026-11-27T00:00:00Z"
    done = official.sign_official(experts, key, trust, at)
    before = [p.read_bytes() for p in done.packages]
    assert official.sign_official(experts, key, trust, at) == done
    assert [p.read_bytes() for p in done.packages] == before


def test_a_private_key_in_the_checkout_is_refused(tmp_path: Path) -> None:
    experts = _built(tmp_path / "experts")
    inside = resources_folder() / "trust" / "private.pem"
    with pytest.raises(UsageError, match="checkout"):
        official.sign_official(experts, inside, tmp_path / "trust")
    assert not inside.exists()
    with pytest.raises(UsageError, match="Build them first"):
        official.sign_official(tmp_path / "none")
