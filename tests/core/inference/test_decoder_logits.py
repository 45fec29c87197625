"""Our logits against transformers', on the bundled base and on the shapes people download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.settings import Quantization
from tests.core.inference.float_reference import relative_l2
from tests.core.inference.random_bases import BUNDLED, QWEN3_06B, QWEN25_05B, SMALL, write_base

BOUNDS: dict[Quantization, float] = {"fp32": 1e-5, "bf16": 2e-2}
IDS = [1, 4120, 203, 77, 5000, 8, 8, 8, 1999, 42, 3000, 7, 2, 203, 1, 598, 341]


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    written: dict[str, Path] = {"bundled": BUNDLED}
    configs = {
        "qwen3-0.6b": QWEN3_06B,
        "qwen2.5-0.5b": QWEN25_05B,
        "untied": SMALL | {"tie_word_embeddings": False},
    }

    def folder(name: str) -> Path:
        if name not in written:
            written[name] = write_base(tmp_path_factory.mktemp("bases") / name, configs[name])
        return written[name]

    return folder


@pytest.mark.parametrize("quantization", ["fp32", "bf16"])
@pytest.mark.parametrize("base", ["bundled", "qwen3-0.6b", "qwen2.5-0.5b", "untied"])
def test_logits_are_those_of_transformers(
    base: str, quantization: Quantization, base_folder: Any
) -> None:
    folder = base_folder(base)
    engine = load_engine(BaseRequest(folder, quantization, "cpu"), lambda _: None)
    ours = engine.logits(IDS)
    parameters = engine.base.parameters
    engine.close()

    dtype = torch.float32 if quantization == "fp32" else torch.bfloat16
    transformers.utils.logging.disable_progress_bar()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    with torch.inference_mode():
        theirs = model(torch.tensor([IDS])).logits[0].float()

    assert ours.dtype == torch.float32
    assert ours.shape == theirs.shape
    assert relative_l2(ours, theirs) < BOUNDS[quantization]
    assert parameters == model.num_parameters()


@pytest.mark.parametrize("chunks", [[1] * len(IDS), [9, 1, 1, 6], [3, 14]])
def test_reading_by_pieces_is_reading_at_once(chunks: list[int], bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    decoder = _decoder(engine)
    with torch.inference_mode():
        cache = decoder.new_cache()
        rest, rows = IDS, []
        for size in chunks:
            rows.append(decoder.logits(decoder.read(decoder.embed(rest[:size]), cache, ())))
            rest = rest[size:]
    assert cache.length == len(IDS)
    assert relative_l2(torch.cat(rows), engine.logits(IDS)) < 1e-5


def test_cache_grows_and_keeps_what_it_holds(bundled_engine: Any) -> None:
    decoder = _decoder(bundled_engine("fp32"))
    ids = [5 + (7 * step) % 8000 for step in range(700)]
    with torch.inference_mode():
        whole, grown = decoder.new_cache(), decoder.new_cache()
        whole.reserve(1024)
        decoder.read(decoder.embed(ids), whole, ())
        for start in range(0, 700, 100):
            decoder.read(decoder.embed(ids[start : start + 100]), grown, ())
        assert grown.capacity < whole.capacity
        for mine, theirs in zip(grown.values, whole.values, strict=True):
            assert relative_l2(mine[:, :700], theirs[:, :700]) < 1e-4
        last = decoder.read(decoder.embed([9]), grown, ())
        assert relative_l2(last, decoder.read(decoder.embed([9]), whole, ())) < 1e-4


def test_shards_are_one_base(tmp_path: Path) -> None:
    whole = write_base(tmp_path / "whole", SMALL)
    split = write_base(tmp_path / "split", SMALL, shards=3)
    engines = [load_engine(BaseRequest(f, "fp32", "cpu"), lambda _: None) for f in (whole, split)]
    assert torch.equal(engines[0].logits(IDS), engines[1].logits(IDS))
    assert engines[0].weights_sha256() == engines[1].weights_sha256()
    assert engines[0].base.sha256 != engines[1].base.sha256


def _decoder(engine: Engine) -> Decoder:
    decoder = engine._decoder
    assert decoder is not None
    return decoder
