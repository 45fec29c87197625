"""Sizes, speeds and durations as a person reads them. Knows no widget."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(size_bytes: float) -> str:
    """Decimal units, three figures at most: "831 B", "1.1 MB", "94 MB", "1.50 GB"."""
    value, unit = float(size_bytes), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    if unit == 0:
        decimals = 0
    elif unit >= 3 and value < 10:
        decimals = 2
    else:
        decimals = 1 if value < 10 else 0
    return f"{QLocale().toString(value, 'f', decimals)} {_UNITS[unit]}"


def speed_text(bytes_per_s: float) -> str:
    """A rate of transfer: "5.2 MB/s"."""
    return f"{size_text(bytes_per_s)}/s"


def time_text(seconds: float) -> str:
    """ "12 s", "4 min", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return _tr("{seconds} s").format(seconds=whole)
    minutes = round(whole / 60)
    if minutes < 60:
        return _tr("{minutes} min").format(minutes=minutes)
    return _tr("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def time_left_text(seconds: float | None) -> str:
    """ "12 s left", "4 min left", "2 h 5 min left"; "" while it is not known."""
    return "" if seconds is None else _tr("{time} left").format(time=time_text(seconds))


def _tr(text: str) -> str:
    return QCoreApplication.translate("quantities", text)
