"""With another base the versions made for it answer, and the six are offered to be trained for it.

Through the real window; the other base is the bundled one with a little noise in its weights.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file, save_file

from expert_studio.core.experts.library import Library
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.settings import Folders
from tests.core.inference.random_bases import BUNDLED
from tests.expert_factory import installed_expert
from tests.studio_driver import with_six_experts

OTHER = "Other-12M"


def test_with_another_base_its_own_experts_answer(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    folders = Folders(data)
    settings = {"tour_done": True, "first_run_done": True}
    with with_six_experts(qapp, qtbot, data, settings) as person:
        studio, composer = person.studio, person.studio.chat_page.composer
        base = noisy(folders.bases / OTHER)
        digest = weights_sha256(base / "model.safetensors")
        installed_expert(
            Library(folders.library), "json-parser", version="2.0.0+other-12m", base_name=OTHER,
            base_digest=digest,
        )  # fmt: skip
        person.tick("json-parser")
        assert [member.version for member in composer.stack.members] == ["2.0.0"]
        studio.use_base(BaseRequest(base, "bf16"))
        person.until(lambda: bool(composer.stack.members) and composer.stack.base_sha256 == digest)
        person.until(
            lambda: [member.version for member in composer.stack.members] == ["2.0.0+other-12m"]
        )
        person.type_and_send("Extract name as JSON: Ann is here.")
        person.until(lambda: person.last_answer.turn.state in ("finished", "length"))
        stack = person.last_answer.turn.stack
        assert stack is not None
        assert (stack.base_sha256, stack.members[0].version) == (digest, "2.0.0+other-12m")
        studio.use_base(BaseRequest(BUNDLED, "bf16"))
        person.until(lambda: [m.version for m in composer.stack.members] == ["2.0.0"])


def noisy(folder: Path) -> Path:
    """A base of the bundled one's shape with other weights."""
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(BUNDLED / name, folder / name)
    tensors = load_file(BUNDLED / "model.safetensors")
    chance = torch.Generator().manual_seed(0)
    norm = tensors["model.norm.weight"]
    noise = 1 + 0.01 * torch.randn(norm.shape, generator=chance)
    tensors["model.norm.weight"] = (norm.float() * noise).to(norm.dtype)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
