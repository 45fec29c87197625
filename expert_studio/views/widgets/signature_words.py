"""The four states of a signature as the window names and colours them. Knows no package."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from expert_studio.core.experts.trust import Standing, State

_SEVERITIES: dict[State, str] = {
    "trusted": "good",
    "unknown key": "warn",
    "unsigned": "",
    "INVALID": "bad",
}


def state_text(state: State) -> str:
    """The word on a chip."""
    return {
        "trusted": _tr("signed"),
        "unknown key": _tr("unknown key"),
        "unsigned": _tr("unsigned"),
        "INVALID": _tr("INVALID"),
    }[state]


def severity(state: State) -> str:
    """good, warn or bad, as a chip and the tokens name them; "" is neither."""
    return _SEVERITIES[state]


def key_text(public_key: str) -> str:
    """A key as a person compares it: its first and last digits."""
    digits = public_key.partition(":")[2]
    return f"{digits[:4]}…{digits[-4:]}" if len(digits) > 12 else digits


def signed_text(standing: Standing) -> str:
    """One line for the details: who signed it with which key, or that nobody did."""
    if not standing.public_key:
        return state_text(standing.state)
    return _tr("{state} by {publisher} · key {key}").format(
        state=_tr("signed") if standing.state != "INVALID" else state_text("INVALID"),
        publisher=standing.publisher,
        key=key_text(standing.public_key),
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("signature_words", text)
