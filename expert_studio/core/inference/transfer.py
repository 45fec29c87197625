"""Brings one file of a base after another: resume, pause, stop, speed, hashes.

Knows nothing of which files make a base (`hub`) nor of where they end up (`download`).
Torch-free.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from expert_studio.core.errors import DownloadError
from expert_studio.core.inference.hub import Hub
from expert_studio.core.inference.hub_files import HubFile

if TYPE_CHECKING:  # as in `hub`
    import httpx

SPEED_WINDOW_S = 5.0
REPORT_EVERY_S = 0.1

Asked = TypeVar("Asked")


class DownloadStopped(DownloadError):
    """The person stopped it. What was fetched is kept."""


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """How far a download is, over all its files."""

    file: str  # the one being fetched
    bytes_done: int
    bytes_total: int
    bytes_per_s: float  # over the last five seconds
    seconds_left: float | None  # None until a speed is known
    state: Literal["fetching", "checking", "paused"] = "fetching"


@dataclass(frozen=True, slots=True)
class Patience:
    """When a server is given up."""

    stall_s: float = 5.0  # without a byte, then the connection is made anew
    attempts: int = 6  # in a row without a new byte
    pause_s: float = 0.25  # before the second attempt; doubles each time, up to 8 s

    def pause_before(self, attempt: int) -> float:
        """Seconds to wait before attempt number `attempt` + 1."""
        return float(min(self.pause_s * 2 ** (attempt - 1), 8.0))


class DownloadControl:
    """Pause, resume and stop, from any thread."""

    def __init__(self) -> None:
        self._running = threading.Event()
        self._running.set()
        self._stop = threading.Event()

    @property
    def paused(self) -> bool:
        return not self._running.is_set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def pause(self) -> None:
        if not self.stopped:
            self._running.clear()

    def resume(self) -> None:
        self._running.set()

    def stop(self) -> None:
        """Ends the download at its next piece (at the latest when a silent server times out)."""
        self._stop.set()
        self._running.set()

    def wait_while_paused(self) -> None:
        self._running.wait()

    def wait_before_retry(self, seconds: float) -> None:
        self._stop.wait(seconds)


class Transfer:
    """The files of one base at one commit, coming in. Lives on the thread that downloads.

    Raises (every call): DownloadStopped, DownloadError, OSError.
    """

    def __init__(
        self,
        hub: Hub,
        repo: str,
        on_progress: Callable[[DownloadProgress], None] | None,
        control: DownloadControl,
        patience: Patience,
    ) -> None:
        self.total_bytes = 0  # of all files; set once they are known
        self._hub = hub
        self._repo = repo
        self._on_progress = on_progress
        self._control = control
        self._patience = patience
        self._done_bytes = 0
        self._marks: deque[tuple[float, int]] = deque()  # (monotonic s, bytes done)
        self._reported_at_s = 0.0

    def insist(self, ask: Callable[[], Asked]) -> Asked:
        """Asks again after a server error or a broken connection, a few times."""
        import httpx

        for attempt in range(1, self._patience.attempts + 1):
            try:
                return ask()
            except httpx.HTTPError as cause:
                self._heed_control("")
                if attempt == self._patience.attempts:
                    raise self._unreachable(cause) from cause
                self._control.wait_before_retry(self._patience.pause_before(attempt))
        raise AssertionError("an attempt either answers or raises")

    def _report(
        self,
        name: str,
        state: Literal["fetching", "checking", "paused"],
        always: bool = False,
    ) -> None:
        now_s = time.monotonic()
        if self._on_progress is None or (
            not always and now_s < self._reported_at_s + REPORT_EVERY_S
        ):
            return
        self._reported_at_s = now_s
        self._marks.append((now_s, self._done_bytes))
        while now_s - self._marks[0][0] > SPEED_WINDOW_S:
            self._marks.popleft()
        since_s = now_s - self._marks[0][0]
        moved = max(0, self._done_bytes - self._marks[0][1])
        speed = moved / since_s if since_s > 0 and state == "fetching" else 0.0
        left_s = (self.total_bytes - self._done_bytes) / speed if speed > 0 else None
        self._on_progress(
            DownloadProgress(name, self._done_bytes, self.total_bytes, speed, left_s, state)
        )

    def fetch(self, commit: str, file: HubFile, staging: Path) -> str:
        """Brings one file to its place in the staged folder and returns its SHA-256.

        What an earlier run left of it is taken up; `NAME.partial` becomes `NAME` once its
        hash is right.
        """
        complete = staging / file.name
        if complete.exists():
            matches, sha256 = self._digests(complete, file)
            if matches:
                self._done_bytes += file.size_bytes
                self._report(file.name, "fetching", always=True)
                return sha256
            complete.unlink()  # changed by someone since it got this name
        partial = staging / f"{file.name}.partial"
        done_before = self._done_bytes
        fruitless = 0
        while (size := _size(partial)) < file.size_bytes:
            self._done_bytes = done_before + size
            failure = self._attempt(commit, file, partial)
            self._heed_control(file.name)
            if failure is None or _size(partial) > size:
                fruitless = 0
                continue
            fruitless += 1
            if fruitless == self._patience.attempts:
                raise self._unreachable(failure) from failure
            self._control.wait_before_retry(self._patience.pause_before(fruitless))
        partial.touch()
        self._done_bytes = done_before + file.size_bytes
        self._report(file.name, "checking", always=True)
        matches, sha256 = self._digests(partial, file)
        if not matches:
            partial.unlink()
            raise self.wrong_hash(file.name)
        partial.replace(complete)
        return sha256

    def _attempt(self, commit: str, file: HubFile, partial: Path) -> httpx.HTTPError | None:
        """Appends what one connection gives; None when it ended in order."""
        import httpx

        size = _size(partial)
        try:
            with self._hub.stream(self._repo, commit, file, size) as (start, pieces):
                if start not in {0, size}:
                    return httpx.RemoteProtocolError("the answer begins somewhere else")
                with partial.open("r+b" if partial.exists() else "wb") as out:
                    out.truncate(start)
                    out.seek(start)
                    self._done_bytes += start - size
                    arrived = start
                    for piece in pieces:
                        arrived += len(piece)
                        if arrived > file.size_bytes:
                            raise self.wrong_hash(file.name)
                        out.write(piece)
                        self._done_bytes += len(piece)
                        self._report(file.name, "fetching")
                        if self._control.paused or self._control.stopped:
                            return None
            if arrived < file.size_bytes:
                return httpx.ReadError("the connection ended early")
        except httpx.HTTPError as cause:
            return cause
        return None

    def _heed_control(self, name: str) -> None:
        if self._control.paused:
            self._report(name, "paused", always=True)
            self._control.wait_while_paused()
            self._marks.clear()
        if self._control.stopped:
            raise DownloadStopped(
                f"Fetching {self._repo} was stopped.",
                f"{self._done_bytes / 1e6:.0f} of {self.total_bytes / 1e6:.0f} MB are kept.",
                "Start it again to go on from there.",
            )

    def _digests(self, path: Path, file: HubFile) -> tuple[bool, str]:
        """Whether a file on disk is what the hub promised, and its SHA-256."""
        sha256 = hashlib.sha256()
        git = hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)
        with path.open("rb") as content:
            while piece := content.read(1 << 20):
                sha256.update(piece)
                if file.git_sha1:
                    git.update(piece)
                if self._control.stopped:
                    self._heed_control(file.name)
        if file.sha256:
            return sha256.hexdigest() == file.sha256, sha256.hexdigest()
        return git.hexdigest() == file.git_sha1, sha256.hexdigest()

    def wrong_hash(self, name: str) -> DownloadError:
        return DownloadError(
            f"{name} of {self._repo} was thrown away.",
            "What arrived is not what its hash promises.",
            "Try again; if it happens again, the server or something on the way is not to be "
            "trusted.",
        )

    def _unreachable(self, cause: httpx.HTTPError) -> DownloadError:
        import httpx

        if isinstance(cause, httpx.HTTPStatusError):
            status = cause.response.status_code
            why = (
                "It says that too many files were asked for in a short time (429)."
                if status == 429
                else f"It has trouble of its own (status {status})."
            )
        elif isinstance(cause, httpx.TimeoutException):
            why = "It did not answer in time."
        elif isinstance(cause, httpx.ConnectError):
            why = "No connection could be made."
        else:
            why = "The connection broke off again and again."
        return DownloadError(
            f"{self._repo} could not be fetched from {self._hub.host}.",
            why,
            "What was fetched so far is kept: check the network and start again later.",
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
