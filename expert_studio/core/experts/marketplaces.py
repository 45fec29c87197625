"""The marketplaces a person uses: added, brought up to date, searched without a network.

    markets = Marketplaces(Folders.default())
    markets.add("main", "git+https://host/owner/expert-marketplace.git")
    markets.update(tell=..., control=...)        # the only method that reaches a network
    markets.search("json", category="format", verified_only=True)
    markets.entry("json-parser").source()        # what acquisition.acquire takes

What was fetched last is kept in `data/marketplaces/<name>/`, each exchange by one rename, and
everything but `update` and `add` reads only that. Where two list the same name, the one
added first counts: a later one cannot slip another expert under a known name. Knows nothing
of installing.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from filelock import FileLock, Timeout

from expert_studio.core.errors import FetchError, StorageError, UsageError
from expert_studio.core.experts.fetch_control import FetchControl, Tell, untold
from expert_studio.core.experts.git_repository import Wanted, fetch
from expert_studio.core.experts.marketplace import Category, Entry, Index, read_index
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.experts.requirement import name_key
from expert_studio.core.experts.resolution import Candidate
from expert_studio.core.experts.source import parse_source
from expert_studio.core.settings import Folders

LIST_FILE = "marketplaces.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_LOCK_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One marketplace the person added."""

    name: str
    source: str  # git+https://…#branch
    commit: str = ""  # what was fetched last; "" for never
    fetched_at: str = ""  # ISO 8601
    problem: str = ""  # why the last update failed; the copy before it is still used


class Marketplaces:
    """All of them. Reading takes no lock; entries are kept in memory while nothing changes."""

    def __init__(self, folders: Folders) -> None:
        self.folder = folders.data / "marketplaces"
        self._list = folders.data / LIST_FILE
        self._git = folders.data / "git"
        self._read: dict[tuple[str, str], Index] = {}

    def all(self) -> tuple[Marketplace, ...]:
        """In the order they were added, which is the order they count in.

        Raises:
            FetchError: the list is damaged.
        """
        try:
            stored: Any = json.loads(self._list.read_text(encoding="utf-8"))
            return tuple(Marketplace(**one) for one in stored["marketplaces"])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise FetchError(
                f"The list of marketplaces in {self._list} cannot be read.",
                f"{cause}.",
                "Delete the file and add them again.",
            ) from cause

    def add(
        self, name: str, source: str, control: FetchControl | None = None, tell: Tell = untold
    ) -> Marketplace:
        """Fetches a marketplace's index and keeps it; nothing is kept where that fails.

        Raises:
            UsageError: the name is taken or is none, or the source is no repository.
            FetchError: it cannot be fetched, or is no marketplace.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name[:40]!r} cannot name a marketplace.", "", "Say a-z, 0-9 and -.")
        if any(one.name == name for one in self.all()):
            raise UsageError(f"There is a marketplace {name} already.", "", "Remove it first.")
        if parse_source(source).kind != "git":
            raise UsageError(f"{source[:100]} is no repository.", "", "Write git+https://…")
        made = self._fetched(Marketplace(name, source), control or FetchControl(), tell)
        self._change(lambda all_: [*(one for one in all_ if one.name != name), made])
        return made

    def remove(self, name: str) -> None:
        """Forgets a marketplace and its copy; what was installed from it stays.

        Raises:
            UsageError: there is none of that name.
        """
        known = self._named(name)
        self._change(lambda all_: [one for one in all_ if one != known])
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def update(
        self, name: str = "", control: FetchControl | None = None, tell: Tell = untold
    ) -> tuple[Marketplace, ...]:
        """Fetches one or all anew. One that fails keeps its copy and tells its `problem`.

        Raises:
            UsageError: there is none of that name.
            FetchStopped: the person stopped it.
            FetchError: the one that was named cannot be fetched.
        """
        wanted = (self._named(name),) if name else self.all()
        for market in wanted:
            try:
                done = self._fetched(market, control or FetchControl(), tell)
            except FetchError as cause:
                done = replace(market, problem=f"{cause.what} {cause.why}".strip())
                self._replace(done)
                if name or (control is not None and control.stopped):
                    raise
            self._replace(done)
        return self.all()

    def index(self, name: str) -> Index:
        """What one marketplace said when it was fetched last.

        Raises:
            UsageError: there is none of that name.
            FetchError: its copy is damaged.
        """
        market = self._named(name)
        key = (market.name, market.commit)
        if key not in self._read:
            place = self.folder / name / market.commit
            self._read[key] = read_index(place, name, _schemes(market.source))
        return self._read[key]

    def entries(self) -> tuple[Entry, ...]:
        """Every expert of every marketplace; of one name, the first marketplace's comes first."""
        found: list[Entry] = []
        for market in self.all():
            try:
                found += self.index(market.name).entries
            except FetchError:
                continue  # told by `problems`
        return tuple(found)

    def problems(self) -> tuple[str, ...]:
        """One sentence for each thing in an index that cannot be used, and each that is old."""
        told: list[str] = []
        for market in self.all():
            if market.problem:
                told.append(f"{market.name} was not brought up to date: {market.problem}")
            try:
                told += [f"{market.name}: {said}" for said in self.index(market.name).problems]
            except FetchError as cause:
                told.append(f"{cause.what} {cause.why}")
        return tuple(told)

    def search(
        self, text: str = "", category: str = "", market: str = "", verified_only: bool = False
    ) -> tuple[Entry, ...]:
        """Entries in which every word stands, those with it in their name first, then by name."""
        words = text.lower().split()
        found = []
        for entry in self.entries():
            if (verified_only and not entry.verified) or market not in ("", entry.market):
                continue
            if category and category not in entry.categories:
                continue
            said = _said(entry)
            if all(word in said for word in words):
                found.append(entry)
        return tuple(sorted(found, key=lambda e: (-sum(w in e.name for w in words), e.name)))

    def categories(self) -> tuple[Category, ...]:
        """The shelves of all marketplaces together."""
        found: dict[str, Category] = {}
        for market in self.all():
            try:
                shelves = self.index(market.name).categories
            except FetchError:
                continue
            for shelf in shelves:
                known = found.get(shelf.name, replace(shelf, experts=0))
                found[shelf.name] = replace(known, experts=known.experts + shelf.experts)
        return tuple(found[name] for name in sorted(found))

    def entry(self, name: str, market: str = "") -> Entry:
        """The expert of that name, with or without `expert-`, of the first that lists it.

        Raises:
            UsageError: no marketplace lists it.
        """
        for entry in self.entries():
            if name_key(entry.name) == name_key(name) and market in ("", entry.market):
                return entry
        raise UsageError(
            f"No marketplace lists {name[:80]}.",
            "" if self.all() else "There is no marketplace yet.",
            "See: expert-cli marketplace list; expert-cli search",
        )

    def versions(self, name: str) -> Sequence[Candidate]:
        """As `resolution.Catalogue`: every version of an expert, of the first that lists it."""
        try:
            return self.entry(name).candidates()
        except UsageError:
            return ()

    def _fetched(self, market: Marketplace, control: FetchControl, tell: Tell) -> Marketplace:
        source = parse_source(market.source)
        place = self.folder / market.name
        partial = place / f".{uuid.uuid4().hex}.partial"
        try:
            place.mkdir(parents=True, exist_ok=True)
            commit = fetch(source, partial, self._git, Wanted.INDEX, control, tell).commit
            read_index(partial, market.name, _schemes(market.source))
            target = place / commit
            if not target.is_dir():
                partial.rename(target)
            for left in place.iterdir():  # earlier ones, and what a crash left
                if left != target:
                    shutil.rmtree(left, ignore_errors=True)
        except OSError as cause:
            raise StorageError(
                f"{market.name} could not be kept.",
                f"{cause.strerror or cause}.",
                f"Free some space, or allow writing to {place}.",
            ) from cause
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return replace(market, commit=commit, fetched_at=now, problem="")

    def _named(self, name: str) -> Marketplace:
        for market in self.all():
            if market.name == name:
                return market
        raise UsageError(
            f"There is no marketplace {name[:40]!r}.", "", "See: expert-cli marketplace list"
        )

    def _replace(self, done: Marketplace) -> None:
        self._change(lambda all_: [done if one.name == done.name else one for one in all_])

    def _change(self, change: Any) -> None:
        lock = FileLock(self._list.with_suffix(".lock"), thread_local=False)
        try:
            self._list.parent.mkdir(parents=True, exist_ok=True)
            with lock.acquire(timeout=_LOCK_WAIT_S):
                said = {"marketplaces": [asdict(one) for one in change(list(self.all()))]}
                write_by_rename(self._list, (json.dumps(said, indent=2) + "\n").encode("utf-8"))
        except (OSError, Timeout) as cause:
            raise StorageError(
                "The list of marketplaces could not be written.",
                f"{cause}.",
                f"Allow writing to {self._list.parent}.",
            ) from cause


def _schemes(source: str) -> frozenset[str]:
    """By what an index's experts may be fetched: https, and the way it came itself."""
    return frozenset({"https", parse_source(source).scheme})


def _said(entry: Entry) -> str:
    parts = (entry.name, entry.description, entry.author, entry.publisher, *entry.tags)
    return " ".join((*parts, *entry.categories, *entry.bases)).lower()
