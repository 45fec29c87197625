"""A base that cannot be loaded says why, in a sentence, whatever is wrong with its folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from expert_studio.core.errors import LoadError
from expert_studio.core.inference.base_model_files import base_sha256, weight_files
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.inference.engine import load_engine
from tests.core.inference.random_bases import BUNDLED, SMALL, write_base

Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("whole") / "tiny", SMALL)


@pytest.fixture
def base(whole: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    for path in whole.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _config(**changes: object) -> Spoil:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Spoil:
    def rewrite(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return rewrite


def _truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _index(text: str) -> Spoil:
    def write(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(text)

    return write


NORM = "model.norm.weight"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: [p.unlink() for p in f.iterdir()] and f.rmdir(), "There is no base model"),
        (lambda f: (f / "config.json").unlink(), "config.json could not be read"),
        (lambda f: (f / "config.json").write_text("{"), "config.json could not be read"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json could not be read"),
        (_config(model_type="llama"), "'llama'"),
        (_config(rope_scaling={"rope_type": "dynamic", "factor": 4.0}), "dynamic scaling changes"),
        (_config(rope_scaling={"rope_type": "longrope", "factor": 4.0}), "'longrope' is not known"),
        (_config(rope_scaling={"rope_type": "yarn", "factor": 0.5}), "outside 1 to 64"),
        (_config(rope_scaling={"rope_type": "yarn", "factor": "4"}), "factor is '4'"),
        (_config(use_sliding_window=True), "sliding-window"),
        (_config(hidden_act="gelu"), "'gelu'"),
        (_config(quantization_config={"quant_method": "awq"}), "already quantized"),
        (_config(hidden_size="wide"), "config.json lacks or misstates"),
        (_config(num_key_value_heads=3), "heads do not divide"),
        (_config(num_hidden_layers=3), "layers.2.* is missing"),
        (_config(intermediate_size=256), "do not fit its config.json"),
        (lambda f: (f / "model.safetensors").unlink(), "has no weights"),
        (_pickled, "only pickled weights"),
        (_truncated, "are damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "are damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 4096), "are damaged"),
        (_weights(lambda t: t.pop(NORM)), "model.norm.weight is missing"),
        (_weights(lambda t: t.update({NORM: torch.zeros(64, dtype=torch.int8)})), "do not fit"),
        (_config(num_attention_heads=0, head_dim=None), "lacks or misstates"),
        (_config(hidden_size=float("inf")), "lacks or misstates"),
        (_config(rms_norm_eps=-1e9), "above zero"),
        (_config(rope_theta=float("nan"), rope_parameters=None), "above zero"),
        (_config(max_position_embeddings=-5), "length of its context"),
        (lambda folder: (folder / "config.json").write_text("[" * 99_999), "could not be read"),
        (lambda folder: (folder / "config.json").unlink(), "No such file"),
        (_index("{"), "could not be read"),
        (_index('{"weight_map": {"a": "../model.safetensors"}}'), "names '../model"),
        (_index('{"weight_map": {"a": "gone.safetensors"}}'), "gone.safetensors is missing"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer"),
    ],
)
def test_a_damaged_base_is_a_sentence(spoil: Spoil, sentence: str, base: Path) -> None:
    spoil(base)
    with pytest.raises(LoadError) as raised:
        load_engine(BaseRequest(base, "fp32", "cpu"), lambda _: None)
    assert sentence.replace("*", "") in str(raised.value) or all(
        part in str(raised.value) for part in sentence.split("*")
    )
    assert raised.value.remedy


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps", "toaster"])
def test_a_device_that_is_not_there_is_a_sentence(device: str, base: Path) -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine may well have it")
    with pytest.raises(LoadError, match="device"):
        load_engine(BaseRequest(base, "bf16", device), lambda _: None)


def test_auto_takes_what_is_there(base: Path) -> None:
    device = load_engine(BaseRequest(base, "fp32", "auto"), lambda _: None).base.device
    assert device.partition(":")[0] in ("cuda", "mps", "cpu")


def test_the_hash_is_that_of_the_file() -> None:
    digest = hashlib.sha256((BUNDLED / "model.safetensors").read_bytes()).hexdigest()
    heard: list[float] = []
    assert base_sha256(weight_files(BUNDLED), heard.append) == digest
    assert heard[-1] == 1.0


def test_rope_theta_from_either_place(base: Path) -> None:
    assert read_shape(base).rope_theta == 1_000_000
    _config(rope_theta=None, rope_parameters={"rope_theta": 5000.0, "rope_type": "default"})(base)
    assert read_shape(base).rope_theta == 5000


def test_end_tokens_from_both_files(base: Path) -> None:
    (base / "generation_config.json").write_text('{"eos_token_id": [7, 2]}')
    assert read_shape(base).end_tokens == (2, 7)


def test_the_folder_can_go_once_it_is_loaded(base: Path) -> None:
    engine = load_engine(BaseRequest(base, "bf16", "cpu"), lambda _: None)
    before = engine.logits([1, 2, 3])
    for path in base.iterdir():
        path.write_bytes(b"")
    assert torch.equal(engine.logits([1, 2, 3]), before)
