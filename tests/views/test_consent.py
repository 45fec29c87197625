"""Nothing comes in unasked: the sheet before an install, over real signed packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt

from expert_studio.core.experts import keys, signing
from expert_studio.views.widgets.consent_sheet import ConsentSheet
from tests.expert_factory import expert_file, installed_expert
from tests.views.library_stage import Stage, drop

AT = "2026-11-21T12:00:00Z"


@pytest.fixture
def key(tmp_path: Path) -> keys.SigningKey:
    return keys.generate(tmp_path / "keys" / "nord.pem", "Studio Nord")


@pytest.fixture
def asking(stage: Stage) -> Stage:
    """The page as it is set from the start: unsigned packages are asked for."""
    stage.policy = "ask"
    stage.open()
    return stage


def sheet_after(stage: Stage, paths: list[Path]) -> ConsentSheet:
    drop(stage, paths, QPoint(300, 300))
    stage.qtbot.waitUntil(lambda: stage.page.sheet is not None, timeout=20000)
    assert stage.page.sheet is not None
    return stage.page.sheet


def press_install(stage: Stage, sheet: ConsentSheet) -> None:
    assert sheet.install_button.isEnabled()
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        stage.qtbot.mouseClick(sheet.install_button, Qt.MouseButton.LeftButton)
    stage.settle()


def signed(folder: Path, key: keys.SigningKey, name: str, **keywords: object) -> Path:
    return signing.sign(expert_file(folder, name, **keywords), key, at=AT)


def test_an_unsigned_package_waits_for_consent_and_shows_what_it_is(
    asking: Stage, tmp_path: Path
) -> None:
    sheet = sheet_after(asking, [expert_file(tmp_path, "json-parser")])
    assert sheet.asked == ("unsigned",)
    assert "unsigned" in sheet.said()
    assert "Nobody vouches for it" in sheet.said()
    assert "manifest.json" in sheet.said()
    assert not sheet.install_button.isEnabled()
    assert asking.names() == []
    sheet.agree("unsigned")
    press_install(asking, sheet)
    assert asking.names() == ["json-parser"]
    assert asking.page.sheet is None


def test_cancelling_installs_nothing(asking: Stage, tmp_path: Path) -> None:
    sheet = sheet_after(asking, [expert_file(tmp_path, "json-parser")])
    asking.qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    asking.settle()
    assert asking.page.sheet is None
    assert asking.names() == []
    again = sheet_after(asking, [expert_file(tmp_path / "b", "english-basic")])
    assert len(again.cards) == 1


def test_the_policy_never_refuses_and_always_asks_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.policy = "never"
    stage.open()
    sheet = sheet_after(stage, [expert_file(tmp_path, "json-parser")])
    assert "Your settings refuse such packages" in sheet.said()
    assert not sheet.install_button.isVisible()
    sheet.reject()
    stage.settle()
    stage.policy = "always"
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        drop(stage, [expert_file(tmp_path / "b", "english-basic")], QPoint(300, 300))
    assert stage.names() == ["english-basic"]


def test_an_unknown_key_is_accepted_once_or_trusted_from_now_on(
    asking: Stage, tmp_path: Path, key: keys.SigningKey
) -> None:
    sheet = sheet_after(asking, [signed(tmp_path / "a", key, "json-parser")])
    assert sheet.asked == ("unknown-key",)
    assert "Studio Nord" in sheet.said()
    sheet.agree("unknown-key")
    box, _ = sheet._trust[key.public]
    box.setChecked(True)
    press_install(asking, sheet)
    asking.qtbot.waitUntil(lambda: bool(asking.store.keys()), timeout=20000)
    asking.settle()
    (trusted,) = asking.store.keys()
    assert trusted.publisher == "Studio Nord"
    asking.qtbot.waitUntil(
        lambda: asking.page.contents.standing("json-parser").state == "trusted", timeout=20000
    )
    with asking.qtbot.waitSignal(asking.page.library_changed, timeout=20000):
        drop(asking, [signed(tmp_path / "b", key, "english-basic")], QPoint(300, 300))
    assert sorted(asking.names()) == ["english-basic", "json-parser"], "a trusted key asks nothing"


def test_an_invalid_package_is_shown_as_such_and_nothing_brings_it_in(
    asking: Stage, tmp_path: Path, key: keys.SigningKey
) -> None:
    package = signed(tmp_path, key, "json-parser")
    package.with_name(package.name + ".sha256").unlink()
    changed = bytearray(package.read_bytes())
    changed[30] ^= 1
    package.write_bytes(changed)
    sheet = sheet_after(asking, [package])
    assert "INVALID" in sheet.said()
    assert sheet.windowTitle() == "This cannot be installed"
    assert not sheet.install_button.isVisible()
    sheet.reject()
    asking.settle()
    assert asking.names() == []


def test_a_revoked_key_is_invalid(asking: Stage, tmp_path: Path, key: keys.SigningKey) -> None:
    asking.store.revoke(key.public, "It was lost.")
    sheet = sheet_after(asking, [signed(tmp_path, key, "json-parser")])
    assert "It was lost" in sheet.said()
    assert not sheet.install_button.isVisible()
    sheet.reject()
    asking.settle()


def test_an_older_version_and_another_signer_need_consent_of_their_own(
    asking: Stage, tmp_path: Path, key: keys.SigningKey
) -> None:
    asking.store.add(key.public, "Studio Nord")
    drop(asking, [signed(tmp_path / "a", key, "json-parser", version="2.0.0")], QPoint(300, 300))
    asking.qtbot.waitUntil(lambda: asking.names() == ["json-parser"], timeout=20000)
    asking.settle()
    sheet = sheet_after(asking, [expert_file(tmp_path / "b", "json-parser", version="1.0.0")])
    assert sheet.asked == ("unsigned", "other-key", "older")
    assert "2.0.0 is installed, and 1.0.0 is older" in sheet._sentences["older"].text()
    for consent in sheet.asked:
        assert not sheet.install_button.isEnabled()
        sheet.agree(consent)
    press_install(asking, sheet)
    assert asking.library.find("json-parser").version == "2.0.0", "the higher one stays active"
    assert [e.version for e in asking.library.versions("json-parser")] == ["2.0.0", "1.0.0"]


def test_an_upgrade_is_previewed_before_consent(stage: Stage, tmp_path: Path) -> None:
    installed_expert(stage.library, "json-parser", quality_metrics={"benchmark_score": 0.7})
    stage.open()
    newer = expert_file(
        tmp_path,
        "json-parser",
        version="1.1.0",
        seed=5,
        requires=["english-basic"],
        quality_metrics={"benchmark_score": 0.8},
    )
    sheet = sheet_after(stage, [newer])
    said = sheet.said()
    assert "1.0.0 → 1.1.0" in said
    assert "Held-out score: 0.7 → 0.8" in said
    assert "adapter_model.safetensors: changed" in said
    assert "Needs english-basic, which is not installed" in said
    press_install(stage, sheet)
    assert stage.library.find("json-parser").version == "1.1.0"


def test_what_comes_along_is_told_and_one_of_several_can_be_left_out(
    asking: Stage, tmp_path: Path
) -> None:
    files = [
        expert_file(tmp_path, "neo4j-cypher", load_order=6, requires=["english-basic@>=1.0.0"]),
        expert_file(tmp_path, "english-basic", load_order=3),
        expert_file(tmp_path, "python-code", load_order=5),
    ]
    sheet = sheet_after(asking, files)
    assert [card.arrival.name for card in sheet.cards] == [
        "english-basic",
        "python-code",
        "neo4j-cypher",
    ]
    assert "Needs english-basic ≥ 1.0.0: 1.0.0 comes along" in sheet.cards[2].said()
    sheet.cards[1].take(False)
    assert sheet.windowTitle() == "Install 2 of 3 experts?"
    sheet.agree("unsigned")
    press_install(asking, sheet)
    assert asking.names() == ["english-basic", "neo4j-cypher"]


def test_a_file_changed_after_it_was_looked_at_is_not_installed(
    asking: Stage, tmp_path: Path
) -> None:
    package = expert_file(tmp_path, "json-parser")
    sheet = sheet_after(asking, [package])
    other = expert_file(tmp_path / "other", "json-parser", seed=9)
    package.write_bytes(other.read_bytes())
    package.with_name(package.name + ".sha256").unlink()
    sheet.agree("unsigned")
    asking.qtbot.mouseClick(sheet.install_button, Qt.MouseButton.LeftButton)
    asking.qtbot.waitUntil(lambda: "was not installed" in asking.told(), timeout=20000)
    asking.settle()
    assert asking.names() == []
