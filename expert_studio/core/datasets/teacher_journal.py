"""What a job has asked, been told and made of it, so that a kill loses and doubles nothing.

One JSON object a line, only ever appended to. A request is written down before it is sent,
a reply before it is read: it reaches the disk itself (fsync), so that what was paid for is
never asked for again. What was asked and never answered counts as paid in full. Holds no
keys. Knows nothing of providers or of rows.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from expert_studio.core.datasets.provider_reply import Reply
from expert_studio.core.datasets.teacher_budget import NOTHING, Cost
from expert_studio.core.errors import DatasetError, StorageError

VERSION = 1


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply that is on disk, with what it cost."""

    first: int
    rows: int
    request: str
    reply: Reply
    cost: Cost
    seconds: float
    at: float


@dataclass(slots=True)
class _Kept:
    """What the lines of a journal say."""

    answered: dict[int, Answered] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)  # rows by first slot
    done: set[int] = field(default_factory=set)
    kept: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    open: dict[int, Cost] = field(default_factory=dict)  # by attempt
    spent: Cost = NOTHING
    attempts: int = 0
    fingerprint: str = ""


class TeacherJournal:
    """The journal of one job. Locked while open; its calls come one at a time.

    Every call may raise:
        StorageError: the disk is full or refuses the file.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        """Opens a journal, or starts one.

        Raises:
            DatasetError: it belongs to another job, or another process has it open.
        """
        self._path = path
        self._state = _Kept()
        self._file: FileIO | None = None
        self._torn = False  # the last line was cut, by a kill or a full disk: it is no line
        self._lock = FileLock(f"{path}.lock", timeout=0, thread_local=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._open(fingerprint)
        except Timeout as cause:
            raise DatasetError(
                "These rows are being made already.",
                f"Another process has {path.name} open.",
                "Wait for it, or stop it.",
            ) from cause
        except OSError as cause:
            self.close()
            raise self._refused(cause) from cause
        except BaseException:
            self.close()
            raise

    @property
    def answered(self) -> dict[int, Answered]:
        """Replies on disk by first slot, of which not every slot is done."""
        return self._state.answered

    @property
    def asked(self) -> dict[int, int]:
        """Rows of every request ever sent, by first slot."""
        return self._state.asked

    @property
    def done_slots(self) -> set[int]:
        """Slots that became a row or were given up."""
        return self._state.done

    @property
    def kept_rows(self) -> int:
        return self._state.kept

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were given up, by reason."""
        return self._state.reasons

    @property
    def spent(self) -> Cost:
        """Paid by this job up to now, in every process; lost requests in full."""
        return sum(self._state.open.values(), self._state.spent)

    def sent(self, first: int, rows: int, request: str, worst: Cost) -> int:
        """Notes a request about to be sent; returns the number of the attempt."""
        attempt = self._state.attempts
        self._write(
            {
                "kind": "sent",
                "attempt": attempt,
                "first": first,
                "rows": rows,
                "request": request,
                "cost": asdict(worst),
            }
        )
        return attempt

    def answer(self, attempt: int, answered: Answered) -> None:
        """Notes a reply; when this returns it is on disk."""
        self._write({"kind": "reply", "attempt": attempt, **asdict(answered)}, sync=True)

    def failed(self, attempt: int, cost: Cost, reason: str) -> None:
        """Notes an attempt without a reply, and what it may have cost."""
        self._write({"kind": "failed", "attempt": attempt, "cost": asdict(cost), "why": reason})

    def settled(self, slot: int, reason: str = "", raw: str = "") -> None:
        """Notes what became of a slot: a row, or the reason why not, with the text as it came."""
        self._write({"kind": "slot", "slot": slot, "reason": reason, "raw": raw[:2000]})

    def drop_if_done(self, first: int) -> None:
        """Holds a reply no longer in memory once all its slots are done."""
        slots = range(first, first + self._state.asked.get(first, 0))
        if all(slot in self._state.done for slot in slots):
            self._state.answered.pop(first, None)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._lock.release()

    def _open(self, fingerprint: str) -> None:
        known = self._path.exists()
        if known:
            with self._path.open("rb") as lines:
                for line in lines:
                    self._take(line)
            for first in list(self._state.answered):
                self.drop_if_done(first)
        if known and self._state.fingerprint not in ("", fingerprint):
            raise DatasetError(
                "These rows cannot be gone on with.",
                f"{self._path.name} belongs to a job that asked for something else.",
                "Start a new job, or ask for the same again.",
            )
        self._file = self._path.open("ab", buffering=0)
        self._torn = self._path.stat().st_size > 0 and not self._ends_whole()
        if not self._state.fingerprint:
            self._write({"kind": "job", "version": VERSION, "job": fingerprint, "at": time.time()})

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as end:
            end.seek(-1, os.SEEK_END)
            return end.read(1) == b"\n"

    def _write(self, record: dict[str, Any], sync: bool = False) -> None:
        assert self._file is not None
        # ASCII, so that half a surrogate pair in a reply cannot stop it from being kept
        line = json.dumps(record).encode() + b"\n"
        rest = memoryview(b"\n" + line if self._torn else line)
        try:
            while rest:
                self._torn = True
                rest = rest[self._file.write(rest) :]
            self._torn = False
            if sync:
                os.fsync(self._file.fileno())
        except OSError as cause:
            raise self._refused(cause) from cause
        self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            self._note(record["kind"], record)
        except (ValueError, KeyError, TypeError, RecursionError):
            return  # cut by a kill

    def _note(self, kind: str, record: dict[str, Any]) -> None:
        state = self._state
        if kind == "job":
            state.fingerprint = record["job"]
        elif kind == "sent":
            state.open[record["attempt"]] = Cost(**record["cost"])
            state.asked[record["first"]] = record["rows"]
            state.attempts = max(state.attempts, record["attempt"] + 1)
        elif kind == "reply":
            cost = Cost(**record["cost"])
            kept = {name: record[name] for name in ("first", "rows", "request", "seconds", "at")}
            reply = Reply.from_json(record["reply"])
            state.answered[record["first"]] = Answered(**kept, reply=reply, cost=cost)
            state.open.pop(record["attempt"], None)
            state.spent += cost
        elif kind == "failed":
            state.open.pop(record["attempt"], None)
            state.spent += Cost(**record["cost"])
        elif kind == "slot" and record["slot"] not in state.done:
            state.done.add(record["slot"])
            if record["reason"]:
                reason = record["reason"]
                state.reasons[reason] = state.reasons.get(reason, 0) + 1
            else:
                state.kept += 1

    def _refused(self, cause: OSError) -> StorageError:
        return StorageError(
            "What the provider said could not be kept.",
            f"{self._path}: {cause.strerror or cause}.",
            "Free some space; nothing that is on disk is lost or asked for again.",
        )
