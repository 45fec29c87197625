"""What is done with marketplaces beside the window: read, bring up to date, fetch from one.

Only `add`, `update` and `fetch` reach a network, each because the person asked. Knows core
functions, no widget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.acquisition import Acquisition, BaseWanted, acquire
from expert_studio.core.experts.arrival import Arrival, look_at
from expert_studio.core.experts.fetch_control import FetchControl, FetchProgress
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.marketplace import Category, Entry
from expert_studio.core.experts.marketplaces import Marketplace, Marketplaces
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background


@dataclass(frozen=True, slots=True)
class MarketContents:
    """Every marketplace as it was fetched last."""

    markets: tuple[Marketplace, ...] = ()
    entries: tuple[Entry, ...] = ()
    categories: tuple[Category, ...] = ()
    problems: tuple[str, ...] = ()


class MarketWorks(QObject):
    """Signals:
    read(MarketContents): what the copies on this disk hold.
    progressed(FetchProgress): how far a fetch is.
    fetching(str): what is being fetched now, "" when it has ended.
    arrived(tuple[Arrival, ...]): an expert and what it needs are here, looked at, not installed.
    failed(ExpertError): something was not done.
    """

    read = Signal(object)
    progressed = Signal(object)
    fetching = Signal(str)
    arrived = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        folders: Folders,
        library: Library,
        background: Background,
        acceptance: Callable[[], Acceptance],
        base: Callable[[], BaseWanted],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._folders = folders
        self._library = library
        self._background = background
        self._acceptance = acceptance
        self._base = base
        self._markets = Marketplaces(folders)
        self._control = FetchControl()
        self._now = ""
        self._held: list[Acquisition] = []

    @property
    def busy(self) -> bool:
        """Whether something is being fetched."""
        return bool(self._now)

    def refresh(self) -> None:
        """Reads the copies on this disk anew; no network."""
        self._background.run(
            _contents, self._markets, on_done=self.read.emit, on_failed=self.failed.emit
        )

    def add(self, name: str, source: str) -> None:
        """Fetches a marketplace and keeps it."""
        self._start(name, self._markets.add, name, source)

    def remove(self, name: str) -> None:
        """Forgets a marketplace; what was installed from it stays."""
        self._background.run(
            self._markets.remove, name, on_done=self._on_changed, on_failed=self.failed.emit
        )

    def update(self) -> None:
        """Brings every marketplace up to date."""
        self._start(self.tr("the marketplaces"), self._markets.update, "")

    def fetch(self, entry: Entry, version: str = "") -> None:
        """Fetches an expert and what it needs, to be looked at."""
        if self.busy:
            return
        self._begin(entry.name)
        self._background.run(
            self._acquired,
            entry,
            version,
            self._control,
            on_done=self._on_acquired,
            on_failed=self._on_failed,
        )

    def stop(self) -> None:
        """Ends the fetch under way; what had come is kept for the next time."""
        self._control.stop()

    def let_go(self) -> None:
        """What arrived was installed or declined: its files are no longer needed."""
        held, self._held = self._held, []
        for acquisition in held:
            self._background.run(acquisition.close)

    def _start(self, what: str, function: Callable[..., object], *given: str) -> None:
        if not self.busy:
            self._begin(what)
            self._background.run(
                function,
                *given,
                self._control,
                self.progressed.emit,
                on_done=self._on_changed,
                on_failed=self._on_failed,
            )

    def _begin(self, what: str) -> None:
        self._control = FetchControl()
        self._now = what
        self.fetching.emit(what)

    def _end(self) -> None:
        if self._now:
            self._now = ""
            self.fetching.emit("")

    def _acquired(
        self, entry: Entry, version: str, control: FetchControl
    ) -> tuple[Acquisition, tuple[Arrival, ...]]:
        """On a thread of the pool."""
        trust, base = self._acceptance(), self._base()
        got = acquire(
            entry.source(version),
            self._folders,
            self._library,
            self._markets,
            trust,
            base,
            control,
            self._tell,
        )
        arrivals = tuple(
            look_at(
                expert.file,
                self._library,
                trust,
                base,
                tuple((expert.origin.as_record() | {"market": entry.market}).items()),
            )
            for expert in got.experts
        )
        return got, arrivals

    def _tell(self, progress: FetchProgress) -> None:
        self.progressed.emit(progress)  # queued: the window's thread hears it

    @Slot(object)
    def _on_acquired(self, found: tuple[Acquisition, tuple[Arrival, ...]]) -> None:
        acquisition, arrivals = found
        self._held.append(acquisition)
        self._end()
        self.arrived.emit(arrivals)

    @Slot(object)
    def _on_changed(self, _: object) -> None:
        self._end()
        self.refresh()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self._end()
        self.failed.emit(error)
        self.refresh()


def _contents(markets: Marketplaces) -> MarketContents:
    return MarketContents(markets.all(), markets.search(), markets.categories(), markets.problems())
