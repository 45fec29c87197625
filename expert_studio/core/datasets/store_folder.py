"""The datasets of one data folder: each a folder of its own, found by its name.

Knows nothing of what is in them.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from expert_studio.core.datasets.store import FILE_NAME, DatasetStore
from expert_studio.core.errors import DatasetError, StorageError

MAX_NAME_CHARACTERS = 64
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_MAKING = threading.Lock()
_TRASH = ".trash"
KEPT_AFTER_DELETE_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class DatasetFolders:
    """Where datasets are; `Folders.datasets` names it."""

    root: Path

    def names(self) -> list[str]:
        """Every dataset there is, by name."""
        try:
            found = [entry.name for entry in self.root.iterdir() if (entry / FILE_NAME).is_file()]
        except FileNotFoundError:
            return []
        except OSError as cause:
            raise StorageError(
                f"The datasets in {self.root} cannot be listed.", f"{cause.strerror or cause}."
            ) from cause
        return sorted(name for name in found if not name.startswith("."))

    def open(self, name: str) -> DatasetStore:
        """A dataset that is there.

        Raises:
            DatasetError: there is none of that name.
        """
        checked_name(name)
        if not (self.root / name / FILE_NAME).is_file():
            known = ", ".join(self.names()) or "none yet"
            raise DatasetError(f"There is no dataset {name!r}.", f"There are: {known}.")
        return DatasetStore(self.root / name)

    def create(self, name: str) -> DatasetStore:
        """A new, empty dataset.

        Raises:
            DatasetError: the name cannot be used or is taken.
        """
        folder = self._free(name)
        store = DatasetStore(folder)
        store.open()
        return store

    def open_or_create(self, name: str) -> DatasetStore:
        """The dataset of that name, made where there is none; two threads make but one."""
        with _MAKING:
            return self.open(name) if name in self.names() else self.create(name)

    def rename(self, name: str, new_name: str) -> None:
        """Gives a dataset, closed by now, another name."""
        with self._moving(f"The dataset {name} could not be renamed."):
            self.open(name).folder.rename(self._free(new_name))

    def delete(self, name: str) -> str:
        """Takes a dataset, closed by now, out of sight for thirty days.

        Returns what `restore` needs.
        """
        folder = self.open(name).folder
        token = f"{int(time.time())}-{uuid.uuid4().hex[:8]}"
        with self._moving(f"The dataset {name} could not be deleted."):
            self._empty_trash()
            (self.root / _TRASH / token).mkdir(parents=True)
            folder.rename(self.root / _TRASH / token / name)
        return token

    def restore(self, token: str) -> str:
        """Brings a deleted dataset back; returns its name."""
        with self._moving("The dataset could not be brought back."):
            folder = next((self.root / _TRASH / token).iterdir())
            folder.rename(self._free(folder.name))
            (self.root / _TRASH / token).rmdir()
        return folder.name

    def _free(self, name: str) -> Path:
        checked_name(name)
        folder = self.root / name
        if folder.exists():
            raise DatasetError(f"There is already a dataset {name!r}.", "", "Choose another name.")
        return folder

    def _empty_trash(self) -> None:
        for entry in (self.root / _TRASH).glob("*-*"):
            with suppress(ValueError):
                if int(entry.name.partition("-")[0]) < time.time() - KEPT_AFTER_DELETE_S:
                    shutil.rmtree(entry, ignore_errors=True)

    @contextmanager
    def _moving(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, StopIteration) as cause:
            why = getattr(cause, "strerror", None) or "It is not there any more"
            raise StorageError(what, f"{why}.") from cause


def checked_name(name: str) -> str:
    """The name, where it can be a folder's on every system.

    Raises:
        DatasetError: it cannot.
    """
    if len(name) > MAX_NAME_CHARACTERS or not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        raise DatasetError(
            f"A dataset cannot be called {name[:80]!r}.",
            "A name has up to 64 small letters, digits, dots, dashes and underscores, "
            "and begins and ends with a letter or digit.",
            "Choose such a name.",
        )
    return name
