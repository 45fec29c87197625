"""Contexts beyond what a base was trained on: YaRN as transformers computes it, or a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from expert_studio.core.errors import CompatibilityError, LoadError
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.decoder_rotation import frequencies_and_factor
from expert_studio.core.inference.decoder_shape import read_shape, stretched
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.rope_scaling import RopeScaling, scaling_of_manifest
from tests.core.inference.float_reference import relative_l2
from tests.core.inference.random_bases import BUNDLED, QWEN3_06B, SMALL, write_base

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
SCALINGS: dict[str, dict[str, Any]] = {
    "as Qwen3's card says": YARN,
    "attention factor": YARN | {"attention_factor": 0.9},
    "mscale": YARN | {"mscale": 0.7, "mscale_all_dim": 0.5, "factor": 8.0},
    "other ramp": YARN | {"beta_fast": 8.0, "beta_slow": 2.0, "truncate": False},
    "no original": {"rope_type": "yarn", "factor": 2.0},
    "linear": {"rope_type": "linear", "factor": 3.0},
}


@pytest.mark.parametrize("asked", SCALINGS)
def test_logits_are_those_of_transformers(asked: str, tmp_path: Path) -> None:
    config = SMALL | {"rope_scaling": SCALINGS[asked]}
    folder = write_base(tmp_path / "base", config)
    ids = [(7 * place * place + 3) % 8000 for place in range(200)]
    engine = load_engine(BaseRequest(folder, "fp32", "cpu"), lambda _: None)
    ours = engine.logits(ids)
    engine.close()
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        theirs = model(torch.tensor([ids])).logits[0].float()
    assert relative_l2(ours, theirs) < 1e-5
    plain = load_engine(BaseRequest(write_base(tmp_path / "plain", SMALL), "fp32"), lambda _: None)
    # 200 tokens are beyond the plain base's 128: the tables are what differs, not the weights
    assert relative_l2(plain.logits(ids[:100]), theirs[:100]) > 1e-3
    plain.close()


def test_the_tables_of_the_real_shape_are_those_of_transformers(tmp_path: Path) -> None:
    """Qwen3-0.6B to 131,072 tokens by our setting is what Qwen's card writes into config.json."""
    card = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    config = transformers.Qwen3Config(
        **{k: v for k, v in QWEN3_06B.items() if k != "rope_theta"},
        rope_parameters=card | {"rope_theta": QWEN3_06B["rope_theta"]},
    )
    theirs, attention = ROPE_INIT_FUNCTIONS["yarn"](config, torch.device("cpu"))
    shape = read_shape(write_base(tmp_path / "b", SMALL | {"max_position_embeddings": 40960}))
    shape = replace(stretched(shape, 131072, tmp_path), head_dim=128)
    frequencies, factor = frequencies_and_factor(shape, shape.rope_scaling)
    assert torch.allclose(frequencies, theirs, rtol=1e-6, atol=0)
    assert factor == pytest.approx(attention, rel=1e-9)
    assert shape.context_length == 131072


def test_a_wanted_context_limits_or_stretches_or_is_refused() -> None:
    shape = read_shape(BUNDLED)
    assert stretched(shape, 0, BUNDLED) == shape
    assert stretched(shape, 1000, BUNDLED) == replace(shape, context_length=1000)
    longer = stretched(shape, 16_384, BUNDLED)
    assert (longer.context_length, longer.rope_scaling and longer.rope_scaling.factor) == (
        16_384,
        4,
    )
    with pytest.raises(LoadError, match="outside 1 to 64"):
        stretched(shape, 4096 * 65, BUNDLED)


def test_manifests_ask_in_words_or_numbers() -> None:
    by_name = scaling_of_manifest("yarn-128k", 32768)
    assert by_name is not None
    assert (by_name.factor, by_name.context_length) == (4.0, 131072)
    by_number = scaling_of_manifest(
        '{"type": "ntk-by-parts", "factor": 4, "max_position_embeddings": 131072,'
        ' "original_max_position_embeddings": 32768, "fine_grained": true}',
        32768,
    )
    assert by_number == RopeScaling("yarn", 4.0, 32768)
    assert scaling_of_manifest("", 32768) is scaling_of_manifest("none", 32768) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"type": "dynamic", "factor": 4}', "dynamic scaling changes"),
        ("yarn-99999k", "outside 1 to 64"),
        ("magic", "cannot be used"),
        ("[1]", "no kind of it"),
        ('{"type": "yarn", "factor": true}', "factor is True"),
        ('{"type": "yarn", "factor": 4, "beta_fast": -1}', "beta_fast is -1"),
    ],
)
def test_what_cannot_work_is_a_sentence(said: str, why: str) -> None:
    with pytest.raises(CompatibilityError, match=why):
        scaling_of_manifest(said, 32768)
