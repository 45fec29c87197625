"""Every colour, space and size of the window, for light and for dark.

Knows nothing of Qt: `theme_sheet` turns these into a style sheet, painted widgets
read them through `theme.tokens_of`.
"""

from __future__ import annotations

from dataclasses import dataclass

FAMILY = "Inter"
MONO_FAMILY = "JetBrains Mono"

FONT_PERCENTS = (90, 100, 110, 125, 150)
BODY_PX = 13
SECONDARY_PX = 12
SMALL_PX = 11
BRAND_PX = 15
TITLE_PX = 17
FIGURE_PX = 19

STEP = 4
CARD_RADIUS = 10
CONTROL_RADIUS = 7
PAGE_PADDING = 20
CARD_PADDING = 13
RAIL_WIDTH = 184
RAIL_COMPACT_WIDTH = 58
HEADER_HEIGHT = 60
STATUS_HEIGHT = 30
SIDE_PANEL_WIDTH = 286
MOTION_MS = 120


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as `#RRGGBB`; the tier colours mean a tier everywhere and nothing else."""

    dark: bool
    bg: str
    surface: str
    raised: str
    sunken: str
    line: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    accent_weak: str
    on_accent: str
    good: str
    warn: str
    bad: str
    format: str
    language: str
    technology: str
    domain: str
    task: str
    base: str
    kv: str
    other: str
    syntax_keyword: str
    syntax_string: str
    syntax_number: str
    syntax_comment: str
    font_percent: int = 100  # of the sizes above

    def px(self, size: int) -> int:
        """A size of type, or of what holds type, at the person's font scale."""
        return round(size * self.font_percent / 100)

    def tier(self, name: str) -> str:
        """The colour of a tier: format, language, technology, domain or task; grey otherwise."""
        known = {
            "format": self.format,
            "language": self.language,
            "technology": self.technology,
            "domain": self.domain,
            "task": self.task,
        }
        return known.get(name, self.base)


LIGHT = Tokens(
    dark=False,
    bg="#F6F7F9",
    surface="#FFFFFF",
    raised="#FFFFFF",
    sunken="#EEF0F3",
    line="#E2E5EA",
    text="#1B1F27",
    muted="#626B7A",
    faint="#8A92A0",
    accent="#4F5BD5",
    accent_hover="#434EC0",
    accent_weak="#E9EBFC",
    on_accent="#FFFFFF",
    good="#19794C",
    warn="#9A6410",
    bad="#C5373D",
    format="#C9861A",
    language="#2F7FD1",
    technology="#1F9D6B",
    domain="#8A57D6",
    task="#D6487B",
    base="#8490A3",
    kv="#5FB3C9",
    other="#C9CED6",
    syntax_keyword="#2368B0",
    syntax_string="#157A51",
    syntax_number="#96600B",
    syntax_comment="#616A77",
)

DARK = Tokens(
    dark=True,
    bg="#14161B",
    surface="#1B1E25",
    raised="#22262F",
    sunken="#101217",
    line="#2C313C",
    text="#E8EAEE",
    muted="#9BA4B3",
    faint="#778091",
    accent="#8C96FF",
    accent_hover="#A1A9FF",
    accent_weak="#2A2E4D",
    on_accent="#14161B",
    good="#4CC38A",
    warn="#E2B25B",
    bad="#F0777B",
    format="#E8B04F",
    language="#6FB1F2",
    technology="#54C998",
    domain="#B38CF0",
    task="#F081A8",
    base="#8E99AB",
    kv="#7CCBE0",
    other="#4A515E",
    syntax_keyword="#6FB1F2",
    syntax_string="#54C998",
    syntax_number="#E8B04F",
    syntax_comment="#8A93A3",
)
