"""The look of the running application: fonts, light or dark, the style sheet.

Knows nothing of pages. A painted widget asks `tokens_of(self)` whenever it paints and
repaints by itself when the application's palette changes, so it holds no theme object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QPalette,
)
from PySide6.QtWidgets import QApplication, QWidget

from expert_studio.core.settings import Theme as ThemeChoice
from expert_studio.core.settings import resources_folder
from expert_studio.views import theme_sheet
from expert_studio.views.theme_tokens import (
    BODY_PX,
    DARK,
    FAMILY,
    LIGHT,
    MONO_FAMILY,
    Tokens,
)

_shown_percent = [100]  # of the theme in force; painted widgets hold no theme object
_FLASH_MS = 1000
_EFFECTS = (
    Qt.UIEffect.UI_AnimateMenu,
    Qt.UIEffect.UI_FadeMenu,
    Qt.UIEffect.UI_AnimateCombo,
    Qt.UIEffect.UI_AnimateTooltip,
    Qt.UIEffect.UI_FadeTooltip,
    Qt.UIEffect.UI_AnimateToolBox,
)


class Theme(QObject):
    """Applies light, dark or the system's scheme. Lives on the main thread.

    Signals:
        changed(Tokens): after the application has been restyled.
    """

    changed = Signal(object)

    def __init__(self, application: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        self._choice: ThemeChoice = "system"
        self._percent = 100
        self._tokens: Tokens | None = None
        self._families = _load_fonts()
        self._before: Callable[[], None] = lambda: None
        self._application.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)

    @property
    def tokens(self) -> Tokens:
        return self._tokens or LIGHT

    def tell_before(self, told: Callable[[], None]) -> None:
        """Has this called before each restyling."""
        self._before = told

    def apply(self, choice: ThemeChoice, font_percent: int | None = None) -> None:
        """Restyles the whole application; does nothing when it looks so already.

        `font_percent` is of the tokens' sizes of type; without it, it stays as it is.
        """
        self._choice = choice
        self._percent = self._percent if font_percent is None else font_percent
        tokens = self._wanted()
        if tokens == self._tokens:
            return
        self._tokens = tokens
        _shown_percent[0] = self._percent
        self._before()
        # Without a sheet a new palette reaches every widget at once; under one, Qt works out
        # each widget's rules several times: 1,450 widgets take four times as long then.
        self._application.setStyleSheet("")
        if self._application.font() != body_font():
            self._application.setFont(body_font())
        self._application.setPalette(_palette(tokens))
        icons = (resources_folder() / "icons").as_posix()
        self._application.setStyleSheet(theme_sheet.sheet(tokens, mono_family(), icons))
        self.changed.emit(tokens)

    def set_reduced_motion(self, reduced: bool) -> None:
        """Whether menus, lists and the text cursor stay still."""
        hints = self._application.styleHints()
        hints.setCursorFlashTime(0 if reduced else _FLASH_MS)
        for effect in _EFFECTS:
            self._application.setEffectEnabled(effect, not reduced)

    def _wanted(self) -> Tokens:
        if self._choice == "system":
            scheme = QGuiApplication.styleHints().colorScheme()
            dark = scheme == Qt.ColorScheme.Dark
        else:
            dark = self._choice == "dark"
        return _tokens(dark, self._percent)

    @Slot()
    def _on_scheme_changed(self) -> None:
        self.apply(self._choice)


def tokens_of(_widget: QWidget) -> Tokens:
    """The tokens a painted widget should use now.

    Told by the application's palette: a widget's own lags behind under a style sheet.
    """
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    return _tokens(window.lightness() < 128, _shown_percent[0])


def was_recoloured(event: QEvent, shown: Tokens) -> bool:
    """Whether a change event means that what was drawn with `shown` must be drawn anew.

    Qt sends several events for one change of theme or font size; this is true for one.
    """
    if event.type() not in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
        return False
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    dark, percent = window.lightness() < 128, _shown_percent[0]
    return (dark, percent) != (shown.dark, shown.font_percent)


def scaled(pixels: int) -> int:
    """A size of type, or of what holds type, at the font scale in force."""
    return round(pixels * _shown_percent[0] / 100)


def widened(pixels: int) -> int:
    """The width of a panel: half as much wider as its type is larger, for the page needs room."""
    return (pixels + scaled(pixels)) // 2


def was_rescaled(event: QEvent) -> bool:
    """Whether a change event may mean another size of type."""
    return event.type() == QEvent.Type.StyleChange


def body_font(pixels: int = BODY_PX, weight: int = 400) -> QFont:
    """The text font at a size in pixels; 400 regular, 500 medium, 600 semi-bold."""
    font = QFont(FAMILY if FAMILY in QFontDatabase.families() else QFont().family())
    font.setPixelSize(scaled(pixels))
    font.setWeight(QFont.Weight(weight))
    return font


def mono_font(pixels: int = 12) -> QFont:
    """The font of code and of numbers that are compared, at a size in pixels."""
    font = QFont(mono_family())
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPixelSize(scaled(pixels))
    return literal(font)


def literal(font: QFont) -> QFont:
    """The font without ligatures, for what is read sign by sign: "->" is no arrow in it."""
    font.setFeature(QFont.Tag("calt"), 0)
    return font


def mono_family() -> str:
    """The bundled monospace family where it loaded, else the system's."""
    if MONO_FAMILY in QFontDatabase.families():
        return MONO_FAMILY
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()


def restyle(widget: QWidget, **properties: object) -> None:
    """Sets dynamic properties the style sheet looks at; it looks again where one changed."""
    changed = [name for name, value in properties.items() if widget.property(name) != value]
    if not changed:
        return
    for name in changed:
        widget.setProperty(name, properties[name])
    widget.style().unpolish(widget)
    widget.style().polish(widget)


@lru_cache(maxsize=16)
def _tokens(dark: bool, percent: int) -> Tokens:
    plain = DARK if dark else LIGHT
    return plain if percent == plain.font_percent else replace(plain, font_percent=percent)


def _load_fonts() -> tuple[str, ...]:
    families: list[str] = []
    for path in sorted((resources_folder() / "fonts").glob("*.[ot]tf")):
        number = QFontDatabase.addApplicationFont(str(path))
        if number >= 0:
            families.extend(QFontDatabase.applicationFontFamilies(number))
    return tuple(families)


def _palette(tokens: Tokens) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: tokens.bg,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Base: tokens.surface,
        QPalette.ColorRole.AlternateBase: tokens.sunken,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.Button: tokens.surface,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.Highlight: tokens.accent,
        QPalette.ColorRole.HighlightedText: tokens.on_accent,
        QPalette.ColorRole.PlaceholderText: tokens.muted,
        QPalette.ColorRole.Link: tokens.accent,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.faint))
    return palette
