"""The Settings page: every choice is told at once, bases come and go, tokens stay out of files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keyring
import platformdirs
import pytest
from keyring.backend import KeyringBackend
from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QMainWindow, QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.core import data_folder
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.hub import stored_token
from expert_studio.core.inference.transfer import Patience
from expert_studio.core.settings import BUNDLED_BASE, Folders, Settings
from expert_studio.runtime.background import Background
from expert_studio.runtime.base_download import BaseDownload, DownloadOrder
from expert_studio.views.notices import Notices
from expert_studio.views.pages.settings_page import SettingsPage
from tests.hub_mirror import COMMIT, REPO, Behaviour, Mirror, small_base

HASTY = Patience(stall_s=0.3, attempts=3, pause_s=0.01)

WAIT_MS = 20_000


class MemoryKeyring(KeyringBackend):
    """A keyring that works, in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Stage(QObject):
    """A window with the page in it, and what it says and emits."""

    def __init__(self, qtbot: QtBot, folders: Folders) -> None:
        super().__init__()
        self.qtbot = qtbot
        self.folders = folders
        self.background = Background()
        self.download = BaseDownload(folders.bases)
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.notices = Notices(self.window)
        self.page = SettingsPage(Settings(), folders, self.notices, self.background, self.download)
        self.settings: list[Settings] = []
        self.bases: list[BaseRequest] = []
        self.page.settings_changed.connect(self._on_settings)
        self.page.base_chosen.connect(self._on_base)
        self.window.setCentralWidget(self.page)
        self.window.resize(1096, 770)
        self.window.show()
        self.settle()

    @Slot(object)
    def _on_settings(self, settings: Settings) -> None:
        self.settings.append(settings)

    @Slot(object)
    def _on_base(self, request: BaseRequest) -> None:
        self.bases.append(request)

    def settle(self) -> None:
        self.qtbot.waitUntil(
            lambda: not self.background.busy and not self.download.running, timeout=WAIT_MS
        )

    def button(self, name: str) -> QAbstractButton:
        # A row that was just laid out is shown by an event of its own, after the work is done.
        self.qtbot.waitUntil(lambda: self._found(name) is not None, timeout=WAIT_MS)
        found = self._found(name)
        assert found is not None
        return found

    def _found(self, name: str) -> QAbstractButton | None:
        shown = [b for b in self.page.findChildren(QAbstractButton) if b.isVisibleTo(self.page)]
        return next((b for b in shown if b.accessibleName().startswith(name)), None)

    def press(self, name: str) -> None:
        self.qtbot.mouseClick(self.button(name), Qt.MouseButton.LeftButton)
        self.settle()

    def told(self) -> str:
        return " ".join(" ".join(toast.sentences) for toast in self.notices.toasts)


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "EXPERT_STUDIO_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(qtbot, Folders(tmp_path / "home"))
    yield made
    made.download.close()
    assert made.background.close()


@pytest.fixture
def own_base(tmp_path: Path) -> Path:
    folder = tmp_path / "my-base"
    bundled = Folders(tmp_path).bundled_base
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copyfile(bundled / name, folder / name)
    return folder


@pytest.fixture
def working_keyring() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    made = MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_theme_and_motion_are_told_at_once_and_load_nothing(stage: Stage) -> None:
    stage.press("Theme: Dark")
    stage.press("Reduced motion")
    assert stage.settings == [
        Settings(theme="dark"),
        Settings(theme="dark", reduced_motion=True),
    ]
    assert stage.bases == []


def test_text_size_network_and_unsigned_packages_are_told_at_once(stage: Stage) -> None:
    stage.press("Text size: 125 %")
    stage.press("Work offline")
    policy = next(
        box for box in stage.page.findChildren(QComboBox) if "signed" in box.accessibleName()
    )
    stage.qtbot.keyClick(policy, Qt.Key.Key_End)
    assert stage.settings == [
        Settings(font_percent=125),
        Settings(font_percent=125, offline=True),
        Settings(font_percent=125, offline=True, unsigned_packages="never"),
    ]
    assert stage.bases == []


def test_what_the_environment_switched_off_no_setting_switches_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPERT_STUDIO_OFFLINE", "1")
    stage.page.set_settings(Settings(theme="dark"))
    assert stage.button("Work offline").isChecked()
    assert not stage.button("Work offline").isEnabled()


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [("theme", 1), ("OFFLINE", 1), ("no such thing", 0), ("base", 4), ("", 5)],
)
def test_settings_are_found_by_their_words(stage: Stage, wanted: str, shown: int) -> None:
    stage.page.focus_search()
    field = stage.page.focusWidget()
    assert isinstance(field, QLineEdit)
    stage.qtbot.keyClicks(field, wanted)
    cards = [card for card in stage.page._cards if card.isVisible()]
    assert len(cards) == shown
    assert stage.page._nothing.isVisible() is (shown == 0)


def test_another_data_folder_waits_for_the_next_start(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda *_, **__: str(tmp_path / "conf"))
    stage.folders.data.mkdir(exist_ok=True)
    stage.page.choose_data_folder(stage.folders.data / "inside")
    stage.settle()
    assert "in the other" in stage.told()
    stage.page.choose_data_folder(tmp_path / "new")
    stage.settle()
    assert data_folder.placed() == data_folder.Order(tmp_path / "new", move=True)
    assert "next start" in stage.page._data.words()
    stage.press("Leave the data where it is")
    assert data_folder.placed() is None


def test_quantization_and_device_load_the_base_anew(stage: Stage) -> None:
    stage.press("nf4")
    boxes = stage.page.findChildren(QComboBox)
    device = next(box for box in boxes if box.accessibleName().startswith("Device"))
    stage.qtbot.keyClick(device, Qt.Key.Key_Down)
    assert [request.quantization for request in stage.bases] == ["nf4", "nf4"]
    assert stage.bases[-1] == BaseRequest(stage.folders.bundled_base, "nf4", "cpu")
    assert stage.settings[-1] == Settings(quantization="nf4", device="cpu")


def test_a_folder_of_ones_own_is_checked_and_used(stage: Stage, own_base: Path) -> None:
    stage.page._bases.use_folder(str(own_base))
    stage.settle()
    assert stage.settings[-1].base == str(own_base)
    assert stage.bases == [BaseRequest(own_base, "bf16", "auto")]
    stage.press("Use expert-base-12m")
    assert stage.settings[-1].base == BUNDLED_BASE
    assert stage.bases[-1].folder == stage.folders.bundled_base


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("config.json", "config.json"),
        ("tokenizer.json", "tokenizer.json"),
        ("model.safetensors", "no weights"),
    ],
)
def test_a_folder_that_is_no_base_is_refused_with_the_reason(
    stage: Stage, own_base: Path, lacking: str, reason: str
) -> None:
    (own_base / lacking).unlink()
    stage.page._bases.use_folder(str(own_base))
    stage.settle()
    assert reason in stage.told()
    assert stage.settings == []


def test_the_known_bases_are_offered_with_size_revision_and_licence(stage: Stage) -> None:
    offered = {base.name: base for base in stage.page._bases.choices.bases}
    assert list(offered) == ["expert-base-12m", "Qwen3-0.6B", "Qwen2.5-0.5B-Instruct"]
    assert offered["expert-base-12m"].is_here
    assert not offered["Qwen3-0.6B"].is_here
    assert stage.button("Download Qwen3-0.6B").text() == "Download 1.50 GB"


def test_a_fetched_base_is_offered_and_used_on_request(stage: Stage) -> None:
    mirror = Mirror(Behaviour(small_base()))
    try:
        destination = stage.folders.bases / "tiny-base"
        stage.download.start_order(DownloadOrder(REPO, COMMIT, destination, mirror.address, HASTY))
        assert stage.page._bases._panel.isVisible()
        stage.settle()
    finally:
        mirror.close()
    assert not stage.page._bases._panel.isVisible()
    assert "complete and checked" in stage.told()
    assert stage.settings == []
    stage.press("Use tiny-base")
    assert stage.bases == [BaseRequest(destination, "bf16", "auto")]


def test_a_fetch_that_fails_is_a_sentence(stage: Stage) -> None:
    mirror = Mirror(Behaviour(small_base(), status=404))
    try:
        stage.download.start_order(
            DownloadOrder(REPO, COMMIT, stage.folders.bases / "tiny-base", mirror.address, HASTY)
        )
        stage.settle()
    finally:
        mirror.close()
    assert "was not found" in stage.told()


def test_what_a_stopped_fetch_left_is_named_and_can_be_discarded(stage: Stage) -> None:
    left = stage.folders.bases / ".Qwen3-0.6B.c1899de289a0.staging"
    left.mkdir(parents=True)
    (left / "model.safetensors.partial").write_bytes(b"\0" * 2_000_000)
    stage.page._bases.refresh()
    stage.settle()
    assert stage.button("Download Qwen3-0.6B").text() == "Resume"
    stage.press("Discard what is here of Qwen3-0.6B")
    assert not left.exists()
    assert stage.button("Download Qwen3-0.6B").text() == "Download 1.50 GB"


def test_offline_nothing_is_offered_to_fetch(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERT_STUDIO_OFFLINE", "1")
    stage.page._bases.refresh()
    stage.settle()
    assert not stage.button("Download Qwen3-0.6B").isEnabled()
    assert "switched off" in stage.page._bases._room.text()


def _token_field(stage: Stage) -> QLineEdit:
    fields = stage.page.findChildren(QLineEdit)
    return next(one for one in fields if one.echoMode() != QLineEdit.EchoMode.Normal)


def test_a_token_is_kept_in_the_keyring_and_nowhere_else(
    working_keyring: MemoryKeyring, stage: Stage
) -> None:
    field = _token_field(stage)
    assert field.echoMode() == QLineEdit.EchoMode.Password
    stage.qtbot.keyClicks(field, "hf_secretsecret")
    stage.press("Keep the token")
    stage.settle()
    assert stored_token() == "hf_secretsecret"
    assert field.text() == ""
    for path in stage.folders.data.rglob("*"):
        assert not path.is_file() or b"hf_secret" not in path.read_bytes()
    stage.press("Remove the token")
    assert stored_token() is None


def test_without_a_keyring_a_token_is_refused_with_the_way_out(stage: Stage) -> None:
    stage.qtbot.keyClicks(_token_field(stage), "hf_secretsecret")
    stage.press("Keep the token")
    assert "HF_TOKEN" in stage.told()
    assert "hf_secret" not in stage.told()


def test_settings_changed_elsewhere_are_shown_without_a_signal(stage: Stage) -> None:
    stage.page.set_settings(replace(Settings(), theme="light", first_run_done=True))
    assert stage.settings == []
    assert stage.button("Theme: Light").isChecked()
    stage.press("Theme: Dark")
    assert stage.settings == [Settings(theme="dark", first_run_done=True)]


def test_every_control_has_a_name(stage: Stage) -> None:
    for kind in (QPushButton, QComboBox, QLineEdit):
        for control in stage.page.findChildren(kind):
            assert control.accessibleName(), control
