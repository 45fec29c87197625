"""Where made rows go: the dataset's store, or a file of JSON lines.

Both may be given a row twice, after a kill, and keep it once. Knows nothing of providers.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol

from expert_studio.core.datasets.row_body import Item, body_of
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.errors import StorageError


class RowSink(Protocol):
    """Who keeps rows. Called from a worker thread, one call at a time.

    May raise:
        StorageError: the row could not be kept; the job then ends and can be gone on with.
    """

    def append(self, slot: int, item: Item, origin: Provenance) -> bool:
        """Keeps one row at once and whole; False where another row says the same."""
        ...

    def reject(self, slot: int, reason: str, raw: str) -> None:
        """Is told of a slot that became no row; the journal keeps both in any case."""
        ...

    def done_slots(self) -> set[int]:
        """Slots known to be kept already; they are not appended again."""
        ...


class StoreSink:
    """Rows into a dataset's store, which knows a row again by its hash."""

    def __init__(self, store: DatasetStore) -> None:
        self._store = store

    def append(self, slot: int, item: Item, origin: Provenance) -> bool:  # noqa: ARG002
        return self._store.append(item, origin).state != "rejected"

    def reject(self, slot: int, reason: str, raw: str) -> None:
        """The journal keeps it: what is no row has no place among rows."""

    def done_slots(self) -> set[int]:
        return set()


class FileSink:
    """Rows into a file of JSON lines, each with its slot and its provenance."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: set[int] = set()
        self._said: set[str] = set()
        if path.exists():
            self._read()

    def append(self, slot: int, item: Item, origin: Provenance) -> bool:
        body = body_of(item)
        said = str(body.content)
        if slot in self._done:
            return True
        if said in self._said:
            return False
        row = {
            "slot": slot,
            "row": json.loads(body.text),
            "content": said,
            "provenance": origin.as_json(),
        }
        line = json.dumps(row) + "\n"
        try:
            with self._path.open("ab") as rows:
                rows.write(line.encode())
                rows.flush()
                os.fsync(rows.fileno())
        except OSError as cause:
            raise StorageError(
                f"A row could not be written to {self._path}.",
                f"{cause.strerror or cause}.",
                "Free some space, then go on.",
            ) from cause
        self._done.add(slot)
        self._said.add(said)
        return True

    def reject(self, slot: int, reason: str, raw: str) -> None:
        """The journal keeps it."""

    def done_slots(self) -> set[int]:
        return set(self._done)

    def _read(self) -> None:
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:  # a kill cut the last line: its reply is in the journal
            with self._path.open("r+b") as rows:
                rows.truncate(len(whole))
        for line in whole.splitlines():
            kept = json.loads(line)
            self._done.add(kept["slot"])
            self._said.add(kept["content"])
