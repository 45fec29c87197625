"""The bundled base's card is about the weights that lie beside it."""

from __future__ import annotations

import hashlib
import json

from expert_studio.core.settings import resources_folder

BASE = resources_folder() / "base"


def test_the_card_names_the_weights_it_describes() -> None:
    with (BASE / "model.safetensors").open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    assert f"SHA-256 of `model.safetensors` | `{digest}`" in card()


def test_the_card_says_what_the_base_is_not() -> None:
    for said in ("small demonstration base", "Positions beyond", "Share-alike", "Apache-2.0"):
        assert said in card()


def test_the_card_tells_the_shape_of_config_json() -> None:
    config = json.loads((BASE / "config.json").read_text(encoding="utf-8"))
    for figure in (config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"]):
        assert f" {figure}" in card()
    assert f"{config['vocab_size']:,}" in card()


def card() -> str:
    return (BASE / "README.md").read_text(encoding="utf-8")
