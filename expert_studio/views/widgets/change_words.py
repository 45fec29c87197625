"""A difference between two versions in the window's words. Knows no widget."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from expert_studio.core.experts.update_preview import Change, FileChange, UpdatePreview


def change_label(change: Change) -> str:
    """What differs: "Needs", "Score: parses"."""
    known = {
        "description": _tr("Description"),
        "author": _tr("Author"),
        "license": _tr("Licence"),
        "needs": _tr("Needs"),
        "rules out": _tr("Not together with"),
        "capabilities": _tr("Can"),
        "base": _tr("Made for"),
        "base revision": _tr("Revision of the base"),
        "adapter": _tr("Adapter"),
        "load order": _tr("Load order"),
        "limitations": _tr("Limits"),
        "score: benchmark score": _tr("Held-out score"),
        "score: base model score": _tr("Score of the base alone"),
    }
    return known.get(change.field) or change.field[:1].upper() + change.field[1:]


def change_line(change: Change) -> str:
    """Both sides: "0.7 → 0.8"."""
    return f"{change.before or '–'} → {change.after or '–'}"


def file_state(change: FileChange) -> str:
    """What became of a file, in a word."""
    return {
        "added": _tr("new"),
        "removed": _tr("gone"),
        "changed": _tr("changed"),
        "same": _tr("the same"),
    }[change.state]


def changed_files(preview: UpdatePreview) -> tuple[FileChange, ...]:
    """The files that differ."""
    return tuple(file for file in preview.files if file.state != "same")


def _tr(text: str) -> str:
    return QCoreApplication.translate("change_words", text)
