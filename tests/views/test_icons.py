"""Every icon is there, takes the colour asked for, and the app's icon has all its sizes."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QColor, QFontDatabase, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.core.settings import resources_folder
from expert_studio.views import icons

SOURCE = Path(__file__).resolve().parents[2] / "expert_studio"
LINE_ICONS = sorted(
    path.stem
    for path in (resources_folder() / "icons").glob("*.svg")
    if "currentColor" in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", LINE_ICONS)
def test_a_line_icon_is_drawn_in_its_colour_and_fainter_when_off(qtbot: QtBot, name: str) -> None:
    drawn = icons.icon(name, "#D6487B")
    on = drawn.pixmap(QSize(32, 32)).toImage()
    off = drawn.pixmap(QSize(32, 32), QIcon.Mode.Disabled).toImage()
    places = [(x, y) for x in range(32) for y in range(32)]
    solid = [on.pixelColor(x, y) for x, y in places if on.pixelColor(x, y).alpha() == 255]
    assert solid
    assert {colour.name() for colour in solid} <= {"#d6487b"}
    strongest_off = max(off.pixelColor(x, y).alpha() for x, y in places)
    assert 0 < strongest_off < 160


def test_the_brand_keeps_its_own_colours(qtbot: QtBot) -> None:
    image = icons.brand(dark=False).pixmap(QSize(64, 64)).toImage()
    colours = {image.pixelColor(x, y).name() for x in range(64) for y in range(64)}
    assert {"#d6487b", "#1f9d6b", "#2f7fd1", "#8490a3"} <= colours


def test_the_application_icon_has_every_size(qtbot: QtBot) -> None:
    sizes = {size.width() for size in icons.application_icon().availableSizes()}
    assert {16, 24, 32, 48, 64, 128, 256, 512} <= sizes
    folder = resources_folder() / "icons"
    assert (folder / "expert-studio.ico").read_bytes().startswith(b"\0\0\1\0")
    assert (folder / "expert-studio.icns").read_bytes().startswith(b"icns")


def test_every_icon_the_source_names_is_there() -> None:
    named = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        named |= set(re.findall(r"IconButton\(\s*\"([a-z-]+)\"", text))
        named |= set(re.findall(r"icons\.(?:icon|pixmap)\(\s*\"([a-z-]+)\"", text))
    assert named
    assert named <= set(LINE_ICONS)


def test_an_unknown_icon_is_an_error(qtbot: QtBot) -> None:
    with pytest.raises(FileNotFoundError):
        icons.icon("no-such-icon", QColor("red"))


def test_the_bundled_fonts_load_under_their_names_with_their_licences(qtbot: QtBot) -> None:
    folder = resources_folder() / "fonts"
    families = set()
    for path in folder.glob("*.[ot]tf"):
        families |= set(
            QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(path)))
        )
    assert {"Inter", "JetBrains Mono"} <= families
    for name in ("Inter", "JetBrainsMono"):
        assert "SIL OPEN FONT LICENSE" in (folder / f"{name}-OFL.txt").read_text("utf-8")


def test_a_line_icon_outlives_its_copies_and_its_changes(qtbot: QtBot) -> None:
    """Its engine is Python's: Qt copies it where an icon is changed, and frees both."""
    button = QPushButton(icons.icon("add", "#D6487B"), "")
    changed = QIcon(icons.icon("add", "#D6487B"))
    changed.setIsMask(True)  # asks the engine for a copy of itself
    gc.collect()
    before = button.icon().pixmap(QSize(20, 20)).toImage()
    assert changed.pixmap(QSize(20, 20)).toImage() == before
    del changed
    gc.collect()
    assert button.icon().pixmap(QSize(20, 20)).toImage() == before
    assert button.icon().pixmap(QSize(20, 20), 2.0).width() == 40


def test_a_line_icon_without_room_is_nothing(qtbot: QtBot) -> None:
    drawn = icons.icon("add", "#D6487B")
    assert drawn.pixmap(QSize(0, 0)).isNull()
    assert drawn.pixmap(QSize(0, 14)).isNull()
    target = QPixmap(20, 20)
    painter = QPainter(target)
    drawn.paint(painter, QRect(3, 3, 0, 0))
    painter.end()


def test_a_line_icon_that_is_not_there_is_said_at_once(qtbot: QtBot) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-icon"):
        icons.icon("no-such-icon", "#D6487B")


def test_a_chosen_control_has_its_icon_in_another_colour(qtbot: QtBot) -> None:
    drawn = icons.icon("chat", "#888888", checked="#D6487B")
    size = QSize(20, 20)
    off, on = (
        drawn.pixmap(size, QIcon.Mode.Normal, state).toImage()
        for state in (QIcon.State.Off, QIcon.State.On)
    )
    assert off != on
    places = [(x, y) for x in range(20) for y in range(20)]
    solid = {on.pixelColor(*at).name() for at in places if on.pixelColor(*at).alpha() == 255}
    assert solid == {"#d6487b"}
