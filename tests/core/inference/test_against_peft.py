"""Single experts as PEFT trains and writes them, on transformers' own model: the same logits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.stack import Stack, StackMember
from tests.core.inference.float_reference import relative_l2
from tests.core.inference.random_bases import BUNDLED, QWEN25_05B, write_base

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
IDS = [1, 4120, 203, 77, 5000, 8, 1999, 42, 3000]
SMALL_QWEN2 = QWEN25_05B | {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 8192,
    "max_position_embeddings": 128,
}


@pytest.fixture(scope="module", params=["qwen3", "qwen2"])
def engine(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The bundled base, and one whose q, k and v have biases."""
    folder = BUNDLED
    if request.param == "qwen2":
        folder = write_base(tmp_path_factory.mktemp("base") / "small-qwen2", SMALL_QWEN2)
    engine = load_engine(BaseRequest(folder, "fp32", "cpu"), lambda _: None)
    yield engine
    engine.close()


def _configuration(kind: str) -> Any:
    peft = pytest.importorskip("peft")
    if kind == "prompt":
        return peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=7)
    if kind == "ia3":
        return peft.IA3Config(
            task_type="CAUSAL_LM",
            target_modules=["q_proj", "k_proj", "v_proj", "down_proj"],
            feedforward_modules=["down_proj"],
        )
    return peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=6,
        lora_alpha=9,
        use_dora=kind == "dora",
        use_rslora=kind == "patterns",
        rank_pattern={"k_proj": 3, "layers.0.mlp.down_proj": 11} if kind == "patterns" else {},
        alpha_pattern={"v_proj": 20} if kind == "patterns" else {},
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
    )


@pytest.mark.parametrize("kind", ["dora", "ia3", "prompt", "patterns"])
def test_one_expert_gives_pefts_logits(kind: str, engine: Engine, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.disable_progress_bar()
    folder = engine.base.folder
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = peft.get_peft_model(model, _configuration(kind))
    random = torch.Generator().manual_seed(11)
    for name, values in model.named_parameters():
        if values.requires_grad:
            noise = torch.randn(values.shape, generator=random)
            moved = "magnitude" in name or "ia3" in name
            values.data = values.data * (1 + 0.2 * noise) if moved else 0.05 * noise
    model.train(False).save_pretrained(tmp_path / kind)
    with torch.inference_mode():
        theirs = model(torch.tensor([IDS])).logits[0, -len(IDS) :]
    weights = (tmp_path / kind / "adapter_model.safetensors").read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    member = StackMember(kind, "1.0.0", digest, 1.0, 5, "technology", tmp_path / kind)
    ours = engine.logits(IDS, Stack((member,), engine.base.sha256, "fp32"))
    assert relative_l2(ours, theirs) < 1e-5
    assert relative_l2(engine.logits(IDS), theirs) > 0.01
