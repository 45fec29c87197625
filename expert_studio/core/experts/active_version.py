"""Which version of an expert is the active one: the one that was chosen, else the highest.

Knows an expert's folder with its versions; not whether they can be used.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from expert_studio.core.experts.requirement import precedence

ACTIVE_FILE = "active.json"


def folders_in(folder: Path) -> list[str]:
    """The names of the version folders, in no order."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []  # uninstalled since the folder was listed


def by_preference(folder: Path) -> list[str]:
    """The names of the version folders: the chosen one first, then the highest."""
    names = folders_in(folder)
    if len(names) < 2:
        return names
    chosen, _ = read_active(folder)
    # of 2.0.0 and 2.0.0+qwen3-0.6b, which rank alike, the plain one
    return sorted(
        names, key=lambda name: (name == chosen, _rank(name), "+" not in name, name), reverse=True
    )


def _rank(name: str) -> tuple[bool, tuple[object, ...]]:
    try:
        return True, precedence(name)
    except ValueError:
        return False, ()  # no version's folder


def read_active(folder: Path) -> tuple[str | None, bool]:
    """The version the person chose, and whether it is pinned."""
    try:
        said = json.loads((folder / ACTIVE_FILE).read_text(encoding="utf-8"))
        return str(said["version"]), said.get("pinned") is True
    except FileNotFoundError:
        return None, False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, False  # the highest version is active then


def write_active(folder: Path, version: str, pinned: bool) -> None:
    """Notes the choice by one rename. Raises OSError."""
    partial = folder / f"{ACTIVE_FILE}.partial"
    said = {"version": version} | ({"pinned": True} if pinned else {})
    try:
        partial.write_text(json.dumps(said) + "\n", encoding="utf-8")
        partial.replace(folder / ACTIVE_FILE)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
