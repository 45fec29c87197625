"""Which folder the data lies in, and how it is moved: at the next start, whole or not at all.

The choice stands in a file of its own outside of the data, unless `EXPERT_STUDIO_HOME` says
where the data lies. A move is ordered while the app runs and done before anything of the
folder is open. Knows nothing of what lies in it.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expert_studio.core.errors import SettingsError, StorageError
from expert_studio.core.settings import DATA_POINTER, HOME_VARIABLE, Folders, pointer_file

OnMoved = Callable[[int, int], None]
"""Bytes copied so far, and bytes there are."""
KNOWN_PARTS = ("settings.json", "library", "studio.sqlite3", "bases", "runs", "datasets")
_SPARE_BYTES = 64 << 20
_MARK = "moved-here.json"


@dataclass(frozen=True, slots=True)
class Order:
    """What the next start shall do.

    Attributes:
        folder: where the data shall lie.
        move: bring what is here along; without it, the folder is used as it is.
    """

    folder: Path
    move: bool


class MoveStopped(Exception):
    """The person stopped the move; everything is where it was."""


def is_chosen_outside() -> bool:
    """Whether `EXPERT_STUDIO_HOME` says where the data lies, which no setting can change."""
    return bool(os.environ.get(HOME_VARIABLE))


def check(folder: Path, now: Path) -> Order:
    """What choosing a folder would mean: an empty one is moved to, one with our data is used.

    Raises:
        SettingsError: it cannot take the data, with the reason.
    """
    try:
        folder, now = folder.expanduser().resolve(), now.resolve()
        inside = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        if folder == now:
            raise _refused(folder, "The data lies there already.")
        if folder.is_relative_to(now) or now.is_relative_to(folder):
            raise _refused(folder, "One of the two folders lies in the other.")
        if any(name in KNOWN_PARTS for name in inside):
            return Order(folder, move=False)
        if inside:
            raise _refused(folder, f"It holds other files, {inside[0]} among them.")
        writable = folder if folder.exists() else _nearest(folder)
        if not os.access(writable, os.W_OK):
            raise _refused(folder, f"{writable} may not be written to.")
    except OSError as cause:
        raise _refused(folder, f"{cause.strerror or cause}.") from cause
    return Order(folder, move=True)


def place(order: Order | None) -> None:
    """Notes what the next start shall do; None takes an earlier order back.

    Raises:
        StorageError: the note cannot be written.
    """
    noted = _noted()
    noted["next"] = {"folder": str(order.folder), "move": order.move} if order else None
    _note(noted)


def placed() -> Order | None:
    """The order that waits for the next start."""
    waiting = _noted().get("next")
    if not isinstance(waiting, dict) or not isinstance(waiting.get("folder"), str):
        return None
    return Order(Path(waiting["folder"]), bool(waiting.get("move")))


def settle(
    on_moved: OnMoved = lambda _done, _total: None, stopped: Callable[[], bool] = lambda: False
) -> Folders:
    """Does what was ordered, and says where the data lies. Call before anything of it is open.

    On one disk the folder is renamed. To another it is copied beside the new place and
    renamed there. A mark travels along that names the old place; only then the new one is
    noted, and the old one deleted. Whenever this is cut off, one of the two is whole, and
    the next call goes on.

    Raises:
        StorageError: no room, or a file that cannot be read or written; all is as it was.
        MoveStopped: `stopped()` said so; all is as it was.
    """
    order, now = placed(), Folders.default()
    if order is not None and not is_chosen_outside():
        if order.move and now.data.exists() and _moved_from(order.folder) != str(now.data):
            _move(now.data, order.folder, on_moved, stopped)
        _note({DATA_POINTER: str(order.folder), "next": None})
        now = Folders.default()
    _finish(now.data)
    return now


def _move(old: Path, new: Path, on_moved: OnMoved, stopped: Callable[[], bool]) -> None:
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        if new.exists():
            new.rmdir()  # empty, or this refuses
        if not _renamed(old, new):
            _copy(old, new, on_moved, stopped)
    except OSError as cause:
        raise StorageError(
            "The data folder was not moved.",
            f"{cause.strerror or cause}.",
            f"Everything is where it was, in {old}. Choose another folder in the settings.",
        ) from cause


def _renamed(old: Path, new: Path) -> bool:
    """Whether one rename was enough: it is on the same disk, where nothing holds a file open."""
    mark = old / _MARK
    mark.write_text(json.dumps({"from": str(old)}), encoding="utf-8")
    try:
        old.rename(new)
    except OSError:
        mark.unlink()
        return False
    return True


def _copy(old: Path, new: Path, on_moved: OnMoved, stopped: Callable[[], bool]) -> None:
    staging = new.with_name(f".{new.name}.{uuid.uuid4().hex[:8]}.staging")
    for left in new.parent.glob(f".{new.name}.*.staging"):
        shutil.rmtree(left, ignore_errors=True)
    files = list(_files(old))
    total = sum(size for _, size in files)
    _check_room(new.parent, total)
    done = 0
    try:
        staging.mkdir()
        for path, size in files:
            if stopped():
                raise MoveStopped
            target = staging / path.relative_to(old)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)
            if target.lstat().st_size != size:
                raise OSError(f"{path.name} changed while it was copied")
            done += size
            on_moved(done, total)
        (staging / _MARK).write_text(json.dumps({"from": str(old)}), encoding="utf-8")
        staging.rename(new)
    finally:
        if staging.exists():
            shutil.rmtree(staging, ignore_errors=True)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise StorageError(
            "The data folder was not moved.",
            f"It takes {needed / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free there.",
            "Free some space, or choose another folder in the settings.",
        )


def _finish(folder: Path) -> None:
    """What is left to do once the new place is noted."""
    old = _moved_from(folder)
    if not old:
        return
    _point_inside(Path(old), folder)
    if Path(old).exists() and Path(old).resolve() != folder.resolve():
        shutil.rmtree(old, ignore_errors=True)
    (folder / _MARK).unlink(missing_ok=True)


def _moved_from(folder: Path) -> str:
    try:
        return str(json.loads((folder / _MARK).read_text(encoding="utf-8"))["from"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _point_inside(old: Path, new: Path) -> None:
    """A chosen base that lay in the old folder lies in the new one."""
    path = new / "settings.json"
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
        base = Path(stored["base"])
        if base.is_relative_to(old):
            stored["base"] = str(new / base.relative_to(old))
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
            partial.replace(path)
    except (OSError, ValueError, KeyError, TypeError):
        return  # the window says that the base is missing, and offers another


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for path in sorted(folder.rglob("*")):
        if (path.is_symlink() or path.is_file()) and path.suffix != ".lock":
            yield path, path.lstat().st_size


def _nearest(folder: Path) -> Path:
    return next(parent for parent in folder.parents if parent.exists())


def _noted() -> dict[str, Any]:
    try:
        noted = json.loads(pointer_file().read_text(encoding="utf-8"))
        return noted if isinstance(noted, dict) else {}
    except (OSError, ValueError):
        return {}


def _note(noted: dict[str, Any]) -> None:
    path = pointer_file()
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(noted, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as cause:
        raise StorageError(
            "The choice of the data folder could not be kept.",
            f"{cause.strerror or cause}.",
            f"Allow writing to {path.parent}.",
        ) from cause


def _refused(folder: Path, why: str) -> SettingsError:
    return SettingsError(
        f"The data cannot lie in {folder}.", why, "Choose an empty folder, or a new one."
    )
