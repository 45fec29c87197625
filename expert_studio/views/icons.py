"""The app's line icons, recoloured for the theme, and its brand mark.

Knows the SVG files in `resources/icons`; knows nothing of themes or widgets:
the caller says which colour.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from expert_studio.core.settings import resources_folder

# The brand is drawn once per size a button or a high-density screen may ask for.
_SIZES_PX = (14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 64)


def icon(
    name: str,
    colour: str | QColor,
    disabled: str | QColor | None = None,
    checked: str | QColor | None = None,
) -> QIcon:
    """The line icon `name` (a file of `resources/icons`, without ".svg") in one colour.

    `disabled` colours it for a control that is switched off; without it, half as strong.
    `checked` colours it for one that is chosen; without it, like the others.

    Raises:
        FileNotFoundError: there is no such icon.
    """
    normal = QColor(colour)
    faded = QColor(normal)
    faded.setAlphaF(0.4)
    off = faded if disabled is None else QColor(disabled)
    on = normal if checked is None else QColor(checked)
    return _line_icon(name, _argb(normal), _argb(off), _argb(on))


def brand(dark: bool) -> QIcon:
    """The stacked bars of the brand, in the tier colours of the light or dark theme."""
    return _brand_icon("brand-dark" if dark else "brand")


def application_icon() -> QIcon:
    """The icon of the window and the task bar, all sizes from 16 to 512 px."""
    result = QIcon()
    for path in sorted(_folder().glob("expert-studio-*.png")):
        result.addFile(str(path))
    return result


def pixmap(name: str, colour: str | QColor, size_px: int, ratio: float = 1.0) -> QPixmap:
    """The line icon as a square picture of `size_px` logical pixels at a device pixel ratio."""
    shade = QColor(colour)
    side = QSize(size_px, size_px) * ratio
    picture = QPixmap(_drawn(name, _argb(shade), side.width(), side.height()))
    picture.setDevicePixelRatio(ratio)
    return picture


class _LineEngine(QIconEngine):
    """Draws a line icon when, and in the size, it is first looked at.

    Every size drawn beforehand was 8 ms an icon, in the turn in which the first answer begins
    and once more for each icon of the window when the theme changes.
    """

    def __init__(self, name: str, normal: str, disabled: str, checked: str) -> None:
        super().__init__()
        self._name, self._colours = name, (normal, disabled, checked)

    def clone(self) -> QIconEngine:
        copy = _LineEngine(self._name, *self._colours)
        _clones.append(copy)
        return copy

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        if size.isEmpty():
            return QPixmap()  # a control that has no room yet
        normal, disabled, checked = self._colours
        colour = checked if state == QIcon.State.On else normal
        if mode == QIcon.Mode.Disabled:
            colour = disabled
        return _drawn(self._name, colour, size.width(), size.height())

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        size = rect.size() * painter.device().devicePixelRatioF()
        painter.drawPixmap(rect, self.pixmap(size, mode, state))


# Qt owns a copy it asked for, and does not hold what Python knows of it: it would be freed.
# A copy is asked for only where an icon is changed, which none of ours is.
_clones: list[QIconEngine] = []


@lru_cache(maxsize=256)
def _line_icon(name: str, normal: str, disabled: str, checked: str) -> QIcon:
    if not (_folder() / f"{name}.svg").is_file():
        raise FileNotFoundError(f"There is no icon named {name}.")
    return QIcon(_LineEngine(name, normal, disabled, checked))


@lru_cache(maxsize=1024)
def _drawn(name: str, colour: str, width: int, height: int) -> QPixmap:
    shade = QColor(colour)
    return _rendered(_recoloured(name, shade), QSize(width, height), shade.alphaF())


@lru_cache(maxsize=2)
def _brand_icon(name: str) -> QIcon:
    renderer = QSvgRenderer(str(_folder() / f"{name}.svg"))
    result = QIcon()
    for size in _SIZES_PX:
        result.addPixmap(_rendered(renderer, QSize(size, size)))
    return result


def _recoloured(name: str, colour: QColor) -> QSvgRenderer:
    drawing = (_folder() / f"{name}.svg").read_text(encoding="utf-8")
    solid = drawing.replace("currentColor", colour.name(QColor.NameFormat.HexRgb))
    return QSvgRenderer(QByteArray(solid.encode()))


def _rendered(renderer: QSvgRenderer, size: QSize, alpha: float = 1.0) -> QPixmap:
    picture = QPixmap(size)
    picture.fill(Qt.GlobalColor.transparent)
    shape = QSize(renderer.defaultSize()).scaled(size, Qt.AspectRatioMode.KeepAspectRatio)
    left, top = (size.width() - shape.width()) / 2, (size.height() - shape.height()) / 2
    painter = QPainter(picture)
    renderer.render(painter, QRectF(left, top, shape.width(), shape.height()))
    if alpha < 1.0:
        # Faded as a whole: strokes that cross would be darker where they do.
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
        painter.fillRect(picture.rect(), QColor.fromRgbF(0.0, 0.0, 0.0, alpha))
    painter.end()
    return picture


def _argb(colour: QColor) -> str:
    return colour.name(QColor.NameFormat.HexArgb)


@lru_cache(maxsize=1)
def _folder() -> Path:
    return resources_folder() / "icons"
