"""What one Git repository holds: its versions, and the files of one of them.

    tagged = versions(source, cache)                     # its tags that are versions
    fetched = fetch(source, folder, cache, Wanted.EXPERT)

Fetched shallowly into a bare repository in the cache, small files in one go and large ones
one by one, so that a fetch that was stopped goes on with the files it lacks (where the server
can leave out files; others send all at once). Only files an expert or an index may hold are
asked for; they are written by us under a new folder, links and submodules refused, names and
sizes checked. Nothing is checked out. Knows nothing of what the files mean.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from expert_studio.core.errors import FetchError, StorageError
from expert_studio.core.experts.fetch_control import (
    FetchControl,
    FetchProgress,
    Phase,
    Tell,
    untold,
)
from expert_studio.core.experts.git_program import Git, Watch
from expert_studio.core.experts.git_tree import (
    EXPERT_LIMITS,
    INDEX_LIMITS,
    TreeFile,
    TreeLimits,
    chosen,
    read_tree,
)
from expert_studio.core.experts.requirement import parse_version
from expert_studio.core.experts.source import Source

SMALL_BYTES = (1 << 20) + 1  # a manifest is always small
_LOCK_WAIT_S = 1.0
_WANTED = "refs/expert/wanted"
_UPLOAD_PACK = (
    "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"
)
_LFS = b"version https://git-lfs.github.com/spec/"
_RECEIVING = re.compile(r"Receiving objects:\s+\d+% \((\d+)/(\d+)\)(?:, ([\d.]+) (\w+))?")
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class Wanted(Enum):
    """What is looked for in a repository."""

    EXPERT = "expert"
    INDEX = "index"

    @property
    def limits(self) -> TreeLimits:
        return EXPERT_LIMITS if self is Wanted.EXPERT else INDEX_LIMITS


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: the files lie under `folder`, as they are in the repository's folder."""

    source: Source
    commit: str  # 40 hex
    folder: Path
    files: tuple[str, ...]  # relative, with forward slashes


@dataclass(frozen=True, slots=True)
class TaggedVersion:
    """A tag that is a version, such as v1.2.0."""

    version: str
    ref: str
    commit: str


def fetch(
    source: Source,
    folder: Path,
    cache: Path,
    wanted: Wanted,
    control: FetchControl | None = None,
    tell: Tell = untold,
) -> Fetched:
    """Writes the files of one version under `folder`, a new folder.

    What is there after an error is worthless: the caller removes it. The cache keeps what had
    come until a fetch of that repository succeeds.

    Args:
        cache: where the bare repositories lie.

    Raises:
        FetchStopped: `control.stop()` was called.
        FetchError: there is no git, no such repository or tag, nothing of what is wanted in
            it, or something that is refused.
        StorageError: the disk refuses.
    """
    stop = control or FetchControl()
    with _held(source, cache) as repository:
        visit = _Visit(source, repository, wanted, stop, tell)
        fetched = visit.fetch(folder)
        shutil.rmtree(repository, ignore_errors=True)
    return fetched


def versions(
    source: Source, cache: Path, control: FetchControl | None = None
) -> tuple[TaggedVersion, ...]:
    """The repository's tags that are versions (`v1.2.0` or `1.2.0`), the highest first.

    Raises:
        FetchStopped, FetchError, StorageError: as `fetch`.
    """
    with _held(source, cache) as repository:
        visit = _Visit(source, repository, Wanted.INDEX, control or FetchControl(), untold)
        refs = visit.refs()
    found: dict[str, TaggedVersion] = {}
    for name, commit in refs.items():
        ref = name.removeprefix("refs/tags/")
        if ref != name and (version := _version_of(ref)):
            found.setdefault(version, TaggedVersion(version, ref, commit))
    return tuple(
        sorted(found.values(), key=lambda t: (parse_version(t.version), t.version), reverse=True)
    )


class Clone:
    """A repository of the person's own in `folder`, with the newest commit of `source` in it.

    Raises:
        FetchStopped, FetchError: as `fetch`.
    """

    def __init__(self, source: Source, folder: Path, control: FetchControl, tell: Tell) -> None:
        self._folder = folder
        repository = folder / ".git"
        repository.mkdir()
        visit = _Visit(source, repository, Wanted.INDEX, control, tell)
        visit.fetch_whole()
        self.git = Git(repository)
        said = self.git.local("rev-parse", "--verify", f"{_WANTED}^{{commit}}")
        self.commit = said.decode("ascii").strip()

    def check_out(self, branch: str) -> None:
        """Writes the files of the index as it is; links become plain files."""
        self.git.local("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        self.git.local("update-ref", "-d", _WANTED)
        place = str(self._folder)
        self.git.local("-C", place, f"--work-tree={place}", "checkout-index", "--all", "--force")
        self.git.local("config", "core.bare", "false")


def _version_of(ref: str) -> str:
    text = ref.removeprefix("v")
    try:
        parse_version(text)
    except ValueError:
        return ""
    return text


@contextmanager
def _held(source: Source, cache: Path) -> Iterator[Path]:
    """The bare repository in the cache that is this source's, held against other processes."""
    key = hashlib.sha256(source.url.encode("utf-8")).hexdigest()[:24]
    repository = cache / f"{key}.git"
    lock = FileLock(cache / f"{key}.lock", thread_local=False)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_LOCK_WAIT_S)
    except Timeout as cause:
        raise FetchError(
            "The repository is being fetched already.", "", "Wait until that is done."
        ) from cause
    except OSError as cause:
        raise StorageError(
            "Nothing can be fetched.",
            f"{cause.strerror or cause}.",
            f"Free some space, or allow writing to {cache}.",
        ) from cause
    try:
        repository.mkdir(exist_ok=True)
        yield repository
    finally:
        lock.release()


class _Visit:
    """One look at one repository."""

    def __init__(
        self, source: Source, repository: Path, wanted: Wanted, control: FetchControl, tell: Tell
    ) -> None:
        self._source = source
        self._repository = repository
        self._wanted = wanted
        self._control = control
        self._tell = tell
        self._git = Git(repository, source.scheme)
        self._in_parts = True
        self._label = PurePosixPath(source.url.removesuffix("/.git")).name.removesuffix(".git")

    def fetch(self, folder: Path) -> Fetched:
        self._prepare()
        commit = self._commit_fetched()
        tree = read_tree(self._git, commit, self._source.subfolder, self._wanted.limits)
        files = chosen(self._git, tree, self._wanted is Wanted.INDEX)
        self._fetch_missing(commit, files)
        self._write(files, folder)
        return Fetched(self._source, commit, folder, tuple(str(f.path) for f in files))

    def fetch_whole(self) -> None:
        """Brings the newest commit with every file of it."""
        self._in_parts = False
        self._prepare()
        self._commit_fetched()

    def refs(self) -> dict[str, str]:
        """Every branch and tag with its commit, and HEAD."""
        self._prepare()
        url = self._source.url
        said = self._git.remote(self._watch(), "ls-remote", *self._upload(), "--", url)
        found: dict[str, str] = {}
        for line in said.decode("utf-8", "replace").splitlines():
            digest, _, name = line.partition("\t")
            if re.fullmatch(r"[0-9a-f]{40}", digest):
                found[name.removesuffix("^{}")] = digest  # a peeled tag follows the tag itself
        return found

    def _prepare(self) -> None:
        if not (self._repository / "HEAD").is_file():
            self._git.local("init", "--quiet", "--bare", "--template=", str(self._repository))
            self._git.local("config", "remote.origin.url", self._source.url)
            if self._in_parts:
                self._git.local("config", "remote.origin.promisor", "true")
                self._git.local("config", "remote.origin.partialclonefilter", "blob:none")
        for left in (self._repository / "objects" / "pack").glob("tmp_*"):
            left.unlink(missing_ok=True)  # of a fetch that was killed

    def _commit_fetched(self) -> str:
        self._say("asking")
        ref = self._source.ref
        if ref and not re.fullmatch(r"[0-9a-f]{40}", ref):
            known = self.refs()
            spelled = [n for n in (f"refs/tags/{ref}", f"refs/heads/{ref}") if n in known]
            if not spelled:
                raise FetchError(
                    f"{self._label} has no tag or branch {ref[:80]!r}.",
                    "",
                    "Check what follows the #.",
                )
            ref = spelled[0]
        filters = [f"--filter=blob:limit={SMALL_BYTES}"] if self._in_parts else []
        self._receive(["--depth=1", *filters, "--refmap="], [f"+{ref or 'HEAD'}:{_WANTED}"])
        said = self._git.local("rev-parse", "--verify", "--quiet", f"{_WANTED}^{{commit}}")
        return said.decode("ascii").strip()

    def _fetch_missing(self, commit: str, files: Sequence[TreeFile]) -> None:
        arguments = ("rev-list", "--objects", "--no-walk", "--missing=print", commit)
        listed = self._git.local(*arguments)
        missing = set(re.findall(rb"^\?([0-9a-f]{40})$", listed, re.MULTILINE))
        for file in dict.fromkeys(f.digest for f in files):
            if file.encode("ascii") in missing:
                self._receive(["--filter=blob:none", "--stdin"], [], given=f"{file}\n".encode())

    def _receive(self, options: list[str], refspecs: list[str], given: bytes = b"") -> None:
        remote = self._place() if not given else [*self._upload(), "origin"]
        self._git.remote(
            self._watch(),
            *("fetch", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
            *("--progress", *options, *remote, *refspecs),
            given=given,
        )

    def _place(self) -> list[str]:
        return [*self._upload(), self._source.url]

    def _upload(self) -> list[str]:
        return [f"--upload-pack={_UPLOAD_PACK}"] if self._source.scheme == "file" else []

    def _watch(self) -> Watch:
        limit = self._wanted.limits.total_bytes
        return Watch(self._control, self._heard, self._repository / "objects", limit)

    def _heard(self, line: str) -> None:
        if (found := _RECEIVING.search(line)) is not None:
            amount = float(found[3] or 0) * _UNITS.get(found[4] or "bytes", 1)
            self._say("receiving", int(found[1]), int(found[2]), int(amount))

    def _say(self, phase: Phase, done: int = 0, total: int = 0, received: int = 0) -> None:
        self._tell(FetchProgress(self._label, phase, done, total, received))

    def _write(self, files: Sequence[TreeFile], folder: Path) -> None:
        """Writes the files' contents, read object by object."""
        child = self._git.started("cat-file", "--batch")
        try:
            folder.mkdir(parents=True)
            total = 0
            for number, file in enumerate(files):
                self._say("reading", number, len(files))
                total += _written(child, file, folder, self._wanted.limits)
                if total > self._wanted.limits.total_bytes:
                    raise FetchError(f"{self._label} was not fetched.", "It is too large.")
        except OSError as cause:
            raise StorageError(
                f"{self._label} could not be written.",
                f"{cause.strerror or cause}.",
                f"Free some space, or allow writing to {folder.parent}.",
            ) from cause
        finally:
            child.kill()
            child.communicate()


def _written(
    child: subprocess.Popen[bytes], file: TreeFile, folder: Path, limits: TreeLimits
) -> int:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(file.digest.encode("ascii") + b"\n")
    child.stdin.flush()
    header = child.stdout.readline().split()
    if len(header) != 3 or header[1] != b"blob":
        raise FetchError(f"{file.path} did not come.", "", "Try again.")
    size = int(header[2])
    if size > limits.file_bytes:
        raise FetchError(f"{file.path} was not taken.", f"It has {size:,} bytes.")
    target = folder.joinpath(*file.path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    left, first = size, b""
    with target.open("xb") as stream:
        while left:
            piece = child.stdout.read(min(left, 1 << 20))
            if not piece:
                raise FetchError(f"{file.path} did not come.", "", "Try again.")
            first = first or piece[:64]
            stream.write(piece)
            left -= len(piece)
    child.stdout.read(1)  # the line end after an object
    if first.startswith(_LFS):
        raise FetchError(
            f"{file.path} is kept elsewhere.",
            "The repository holds a pointer to Git LFS in its place, which is not used here.",
            "Ask its maker for the .expert file.",
        )
    return size
