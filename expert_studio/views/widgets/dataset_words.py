"""What columns and values of a dataset are called on screen. Knows no widget."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale


def count_text(count: int) -> str:
    """A number of rows with the locale's separators: "100,000"."""
    locale = QLocale()
    locale.setNumberOptions(QLocale.NumberOption.DefaultNumberOptions)  # "C" leaves them out
    return locale.toString(count)


def rows_text(count: int) -> str:
    return _tr("1 row") if count == 1 else _tr("{n} rows").format(n=count_text(count))


def column_name(column: str) -> str:
    names = {
        "state": _tr("State"),
        "task": _tr("Task"),
        "family": _tr("Family"),
        "split": _tr("Split"),
        "kind": _tr("Kind"),
        "label": _tr("Label"),
        "difficulty": _tr("Difficulty"),
        "reason": _tr("Reason"),
    }
    return names.get(column, column)


def value_name(column: str, value: str) -> str:
    """A value as words; a row without one is said to have none."""
    names = {
        ("state", "accepted"): _tr("accepted"),
        ("state", "rejected"): _tr("rejected"),
        ("state", "pending"): _tr("pending"),
        ("split", "train"): _tr("train"),
        ("split", "validation"): _tr("validation"),
        ("split", "held_out"): _tr("held out"),
        ("split", ""): _tr("in no split"),
        ("kind", "chat"): _tr("answers"),
        ("kind", "preference"): _tr("preference pairs"),
        ("kind", "classification"): _tr("classified documents"),
    }
    return names.get((column, value)) or value or _tr("none")


def when_text(at_s: float) -> str:
    """A time as the locale writes it, short."""
    from PySide6.QtCore import QDateTime

    moment = QDateTime.fromSecsSinceEpoch(int(at_s))
    return QLocale().toString(moment, QLocale.FormatType.ShortFormat)


def _tr(text: str) -> str:
    return QCoreApplication.translate("dataset_words", text)


def money_text(usd: float) -> str:
    """Dollars with as many decimals as they need: "$0.0042", "$0.21", "$12.00"."""
    decimals = 2 if usd >= 0.1 or usd == 0 else 4
    return f"${QLocale().toString(usd, 'f', decimals)}"
