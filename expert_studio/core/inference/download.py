"""Fetches a base from the hub: size, speed, time left, pause, resume, hash, disk check.

Knows nothing of the hub's addresses (`hub` does) nor of what the weights mean. Torch-free
and blocking: run it on a worker thread. Files gather in a staged folder beside the
destination, half-fetched ones as `.partial`, and appear there by one rename; what was
fetched stays when a download is stopped or fails, and the next one goes on from it.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from expert_studio.core.errors import DownloadError, LoadError
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.inference.hub import (
    Hub,
    check_names,
    is_offline,
    known_base,
    offline_error,
)
from expert_studio.core.inference.hub_files import HubFile
from expert_studio.core.inference.transfer import (
    DownloadControl,
    DownloadProgress,
    DownloadStopped,
    Patience,
    Transfer,
)

__all__ = [
    "DownloadControl",
    "DownloadProgress",
    "DownloadStopped",
    "FetchedBase",
    "Patience",
    "base_destination",
    "discard_partial",
    "download_base",
    "fetched_bases",
]

ORIGIN_FILE = "origin.json"  # in a fetched base: repository, commit, hash of each file
LOCK_FILE = ".lock"
SPARE_BYTES = 64 << 20  # left free on the disk


@dataclass(frozen=True, slots=True)
class FetchedBase:
    """A base that was fetched, as its `origin.json` says."""

    repo: str
    revision: str  # 40 hex digits
    folder: Path
    size_bytes: int


def base_destination(bases: Path, repo: str) -> Path:
    """Where a base of that name goes: `bases/name`, since manifests name bases without owner."""
    check_names(repo, "main")
    return bases / repo.partition("/")[2]


def fetched_bases(bases: Path) -> tuple[FetchedBase, ...]:
    """The bases that were fetched into this folder, by name.

    Raises:
        DownloadError: an `origin.json` was damaged.
    """
    origins = sorted(bases.glob(f"*/{ORIGIN_FILE}"))
    return tuple(_origin(path.parent) for path in origins if not path.parent.name.startswith("."))


def _origin(folder: Path) -> FetchedBase:
    try:
        origin = json.loads((folder / ORIGIN_FILE).read_text(encoding="utf-8"))
        size = sum(int(file["size_bytes"]) for file in origin["files"])
        return FetchedBase(str(origin["repo"]), str(origin["revision"]), folder, size)
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise DownloadError(
            f"{folder} is not a base that was fetched whole.",
            f"Its {ORIGIN_FILE} is missing or damaged.",
            "Delete the folder and fetch the base again.",
        ) from cause


def download_base(
    repo: str,
    revision: str | None,
    destination: Path,
    token: str | None = None,
    on_progress: Callable[[DownloadProgress], None] | None = None,
    control: DownloadControl | None = None,
    endpoint: str | None = None,
    patience: Patience = Patience(),  # noqa: B008 - a frozen value
) -> Path:
    """Fetches `owner/name` at a commit into `destination` and returns it.

    Args:
        revision: a commit; None takes the pinned one of a base this version knows, else what
            `main` is at this moment. A branch or tag is resolved to its commit first; the
            commit is written into `origin.json`.
        token: for gated bases (`hub.stored_token()`); goes to the hub's host alone.
        on_progress: called from this thread, at most ten times a second.
        endpoint: another hub; None takes `HF_ENDPOINT` or huggingface.co.
        patience: how long a silent server is waited for, and how often it is asked again.

    Raises:
        DownloadStopped: `control.stop()` was called; the next call goes on from there.
        DownloadError: offline, refused, not found, no safetensors, an architecture that cannot
            run here, no room, a hash that does not match, a server that does not answer.
    """
    known = known_base(repo)
    wanted_revision = revision or (known.revision if known else "main")
    check_names(repo, wanted_revision)
    if is_offline():
        raise offline_error(repo)
    with Hub(endpoint, token, patience.stall_s) as hub:
        transfer = Transfer(hub, repo, on_progress, control or DownloadControl(), patience)
        return _Download(hub, repo, destination, transfer).run(wanted_revision)


def discard_partial(destination: Path) -> None:
    """Deletes what stopped downloads to `destination` have left."""
    for staging in destination.parent.glob(f".{destination.name}.*.staging"):
        shutil.rmtree(staging)


class _Download:
    """One run of `download_base`."""

    def __init__(self, hub: Hub, repo: str, destination: Path, transfer: Transfer) -> None:
        self._hub = hub
        self._repo = repo
        self._destination = destination
        self._transfer = transfer

    def run(self, revision: str) -> Path:
        commit: str = self._transfer.insist(lambda: self._hub.commit(self._repo, revision))
        if self._already_there(commit):
            return self._destination
        files = self._transfer.insist(lambda: self._hub.files(self._repo, commit))
        files = tuple(self._pinned(file, commit) for file in files)
        staging = self._destination.parent / f".{self._destination.name}.{commit[:12]}.staging"
        try:
            staging.mkdir(parents=True, exist_ok=True)
            with _claimed(staging, self._repo):
                self._check_room(files, staging)
                hashes = {file.name: self._fetch(commit, file, staging) for file in files}
                self._record(commit, files, hashes, staging)
            staging.replace(self._destination)
        except OSError as cause:
            raise self._disk_error(cause) from cause
        return self._destination

    def _already_there(self, commit: str) -> bool:
        if not self._destination.exists():
            return False
        base = _origin(self._destination)
        if (base.repo, base.revision) == (self._repo, commit):
            return True
        raise DownloadError(
            f"{self._repo} was not fetched.",
            f"{self._destination} holds {base.repo} at revision {base.revision[:12]} already.",
            "Remove that folder first.",
        )

    def _pinned(self, file: HubFile, commit: str) -> HubFile:
        """Refuses weights whose hash, as the hub tells it, is not the one this version knows."""
        known = known_base(self._repo)
        if not known or commit != known.revision or file.name != "model.safetensors":
            return file
        if file.sha256 != known.weights_sha256:
            raise self._transfer.wrong_hash(file.name)
        return file

    def _check_room(self, files: tuple[HubFile, ...], staging: Path) -> None:
        have = {path.name: path.stat().st_size for path in staging.iterdir()}
        self._transfer.total_bytes = sum(file.size_bytes for file in files)
        present = sum(have.get(f.name, have.get(f"{f.name}.partial", 0)) for f in files)
        missing = self._transfer.total_bytes - present
        free = shutil.disk_usage(staging).free
        if missing + SPARE_BYTES > free:
            raise DownloadError(
                f"There is no room for {self._repo}.",
                f"It needs {missing / 1e9:.2f} GB more and {free / 1e9:.2f} GB are free "
                f"where {self._destination.parent} lies.",
                "Free some space, or set EXPERT_STUDIO_HOME to a larger disk.",
            )

    def _fetch(self, commit: str, file: HubFile, staging: Path) -> str:
        if file.name.endswith(".safetensors"):  # all small files are there by now
            self._check_architecture(staging)
        return self._transfer.fetch(commit, file, staging)

    def _check_architecture(self, staging: Path) -> None:
        try:
            read_shape(staging)
        except LoadError as cause:
            raise DownloadError(
                f"{self._repo} cannot be used as a base.",
                cause.why,
                "Choose another base, for instance Qwen/Qwen3-0.6B.",
            ) from cause

    def _record(
        self,
        commit: str,
        files: tuple[HubFile, ...],
        hashes: dict[str, str],
        staging: Path,
    ) -> None:
        origin = {
            "version": 1,
            "repo": self._repo,
            "revision": commit,
            "hub": self._hub.host,
            "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": [
                {"name": f.name, "size_bytes": f.size_bytes, "sha256": hashes[f.name]}
                for f in files
            ],
        }
        (staging / ORIGIN_FILE).write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")

    def _disk_error(self, cause: OSError) -> DownloadError:
        full = cause.errno in {errno.ENOSPC, errno.EDQUOT}
        return DownloadError(
            f"{self._repo} could not be written to {self._destination.parent}.",
            "The disk is full." if full else f"{cause.strerror or cause}.",
            "Free some space and start again; what was fetched is kept."
            if full
            else "Allow writing there, or set EXPERT_STUDIO_HOME to another folder.",
        )


@contextmanager
def _claimed(staging: Path, repo: str) -> Iterator[None]:
    """Keeps two downloads, in whichever processes, from writing into one staged folder."""
    lock = FileLock(staging / LOCK_FILE, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as cause:
        raise DownloadError(
            f"{repo} is being fetched already.",
            "Another window or terminal does it.",
            "Wait for it, or stop it there first.",
        ) from cause
    try:
        yield
    finally:
        lock.release()
        (staging / LOCK_FILE).unlink(missing_ok=True)
