"""Breaks a paragraph into at most so many lines, the last one elided. Knows no widget."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetrics, QTextLayout, QTextOption

LINE_SPACING = 1.35  # of the font's pixel size


def clamped_lines(text: str, font: QFont, width: int, lines: int) -> tuple[tuple[str, ...], bool]:
    """The lines as they fit into `width` pixels, and whether something was left out.

    White space, line breaks too, counts as one space.
    """
    flowing = " ".join(text.split())
    width = max(width, 20)
    layout = QTextLayout(flowing, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    shown: list[str] = []
    cut = False
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        start = line.textStart()
        if len(shown) == lines - 1:
            rest = flowing[start:]
            shown.append(QFontMetrics(font).elidedText(rest, Qt.TextElideMode.ElideRight, width))
            cut = shown[-1] != rest
            break
        shown.append(flowing[start : start + line.textLength()].rstrip())
    layout.endLayout()
    return tuple(shown), cut
