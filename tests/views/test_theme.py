"""Tokens keep their promise of contrast; the sheet and painted widgets follow the choice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor, QFontDatabase
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from expert_studio.views import theme
from expert_studio.views.theme import Theme
from expert_studio.views.theme_tokens import DARK, FAMILY, LIGHT, MONO_FAMILY, Tokens


@pytest.fixture
def applied(qapp: QApplication) -> Iterator[Theme]:
    made = Theme(qapp)
    yield made
    qapp.setStyleSheet("")


def _luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    value = QColor(colour)
    red, green, blue = (linear(p) for p in (value.redF(), value.greenF(), value.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(tokens: Tokens) -> None:
    for ground in (tokens.bg, tokens.surface, tokens.sunken, tokens.accent_weak):
        assert _contrast(tokens.text, ground) >= 7
        assert _contrast(tokens.muted, ground) >= 4.5
    for ground in (tokens.bg, tokens.surface):
        for word in (tokens.good, tokens.warn, tokens.bad, tokens.accent):
            assert _contrast(word, ground) >= 4.5, word
    assert _contrast(tokens.on_accent, tokens.accent) >= 4.5
    for ground in (tokens.sunken,):
        for shade in (tokens.syntax_string, tokens.syntax_number, tokens.syntax_comment):
            assert _contrast(shade, ground) >= 4.5


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_tiers_differ_from_one_another(tokens: Tokens) -> None:
    tiers = ("format", "language", "technology", "domain", "task")
    assert len({tokens.tier(name) for name in tiers} | {tokens.base}) == 6
    assert tokens.tier("unknown") == tokens.base


def test_choice_reaches_painted_widgets(applied: Theme, qtbot: QtBot) -> None:
    label = QLabel("x")
    qtbot.addWidget(label)
    applied.apply("dark")
    assert theme.tokens_of(label) is DARK
    with qtbot.waitSignal(applied.changed) as told:
        applied.apply("light")
    assert told.args == [LIGHT]
    assert theme.tokens_of(label) is LIGHT


def test_bundled_fonts_load(applied: Theme) -> None:
    families = QFontDatabase.families()
    assert FAMILY in families
    assert MONO_FAMILY in families
