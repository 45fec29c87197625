"""Norm, overlap, sign conflict and used rank, against the products multiplied out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from expert_studio.core.errors import CompatibilityError
from expert_studio.core.experts.bf16 import bf16_bits, write_bf16
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.weight_profile import meeting, profile
from tests.expert_factory import LAYERS, expert_folder, installed_expert, random_tensors


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def multiplied_out(seed: int, rank: int, module: str, layer: int) -> np.ndarray:
    """B @ A * 2, from the factory's numbers as bfloat16 keeps them."""
    tensors = random_tensors("lora", rank, ("q_proj", "v_proj"), 0, 0.05, seed)
    place = f"base_model.model.model.layers.{layer}.self_attn.{module}"
    a, b = (tensors[f"{place}.lora_{half}.weight"] for half in "AB")
    return 2.0 * (b.astype(np.float64) @ a.astype(np.float64))


def test_norms_overlap_and_conflict_are_those_of_the_products(shelf: Library) -> None:
    left = installed_expert(shelf, "json-parser", seed=1, rank=4)
    right = installed_expert(shelf, "english-basic", seed=2, rank=3)
    found = meeting(left, right)
    assert found.shared_modules == 2 * LAYERS
    assert [one.layer for one in found.layers] == list(range(LAYERS))
    for layer in (0, LAYERS - 1):
        ours, theirs = (
            np.concatenate([multiplied_out(s, r, m, layer).ravel() for m in ("q_proj", "v_proj")])
            for s, r in ((1, 4), (2, 3))
        )
        assert found.left.layers[layer].norm == pytest.approx(np.linalg.norm(ours), rel=1e-2)
        cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
        assert found.layers[layer].overlap == pytest.approx(cosine, abs=1e-2)
        least = np.minimum(np.abs(ours), np.abs(theirs))
        apart = least[ours * theirs < 0].sum() / least.sum()
        assert found.layers[layer].sign_conflict == pytest.approx(apart, abs=1e-2)


def test_an_expert_meets_itself_and_its_opposite(shelf: Library) -> None:
    one = installed_expert(shelf, "json-parser", seed=1)
    found = meeting(one, one)
    assert found.overlap == pytest.approx(1.0)
    assert found.sign_conflict == 0.0


def test_the_used_rank_is_less_than_the_given_one_where_columns_repeat(
    shelf: Library, tmp_path: Path
) -> None:
    full = profile(installed_expert(shelf, "json-parser", rank=4))
    assert full.rank == 4
    assert full.used_rank == pytest.approx(4.0)
    folder = expert_folder(tmp_path / "loose", "english-basic", rank=4)
    tensors = random_tensors("lora", 4, ("q_proj", "v_proj"), 0, 0.05, 1)
    repeated = {
        name: np.repeat(values[:, :1], 4, axis=1) if "lora_B" in name else values
        for name, values in tensors.items()
    }
    write_bf16(folder / "adapter_model.safetensors", {n: bf16_bits(v) for n, v in repeated.items()})
    found = profile(install(folder, shelf).expert)
    assert (found.rank, found.used_rank) == (4, 1.0)


@pytest.mark.parametrize("kind", ["dora", "ia3", "soft_prompt"])
def test_every_kind_has_a_profile(shelf: Library, kind: str) -> None:
    modules = ("k_proj", "v_proj", "down_proj") if kind == "ia3" else ("q_proj",)
    expert = installed_expert(shelf, "json-parser", kind=kind, modules=modules)
    found = profile(expert)
    assert found.kind == kind
    assert all(layer.norm > 0 for layer in found.layers)
    assert [layer.layer for layer in found.layers] == (
        [-1] if kind == "soft_prompt" else list(range(LAYERS))
    )


def test_kinds_that_act_in_different_ways_share_nothing(shelf: Library) -> None:
    lora = installed_expert(shelf, "json-parser", modules=("k_proj",))
    ia3 = installed_expert(shelf, "english-basic", kind="ia3", modules=("k_proj",))
    found = meeting(lora, ia3)
    assert (found.layers, found.shared_modules, found.overlap) == ((), 0, 0.0)


def test_other_shapes_are_refused_by_name(shelf: Library, tmp_path: Path) -> None:
    few = installed_expert(shelf, "json-parser", kind="soft_prompt", soft_tokens=4)
    more = installed_expert(shelf, "english-basic", kind="soft_prompt", soft_tokens=6)
    with pytest.raises(CompatibilityError, match="cannot be compared"):
        meeting(few, more)
    assert isinstance(few, InstalledExpert)
