"""The dataset that is open in the window: asked, changed and watched beside the main thread.

Knows the store and the lanes work runs on; knows no widget. Rows in sight, searches and
charts each have a lane of their own, so that what is looked at never waits for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_changes import JournalEntry, Operation, Performed
from expert_studio.core.errors import ExpertError
from expert_studio.runtime.background import Background

WATCH_EVERY_MS = 400


class DatasetDesk(QObject):
    """One dataset at a time; results of an earlier one are dropped.

    Signals:
        opened(str): the name of the dataset now open, or "".
        changed(): its rows are others now, by anyone's doing.
        performed(Performed): a change the person asked for was made.
        turned(JournalEntry): undo or redo was done.
        turnable(object, object): what undo and redo would turn, each an entry or None.
        failed(ExpertError): something could not be done; nothing was changed.
    """

    opened = Signal(str)
    changed = Signal()
    performed = Signal(object)
    turned = Signal(object)
    turnable = Signal(object, object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows_lane = Background(threads=1, parent=self)
        self.query_lane = Background(threads=1, parent=self)
        self.chart_lane = Background(threads=1, parent=self)
        self.change_lane = Background(threads=1, parent=self)
        self._store: DatasetStore | None = None
        self._revision = -1
        self._asking = False
        self._watch = QTimer(self)
        self._watch.setInterval(WATCH_EVERY_MS)
        self._watch.timeout.connect(self._on_watch)

    @property
    def store(self) -> DatasetStore | None:
        return self._store

    @property
    def name(self) -> str:
        """Of the open dataset, or ""."""
        return self._store.name if self._store is not None else ""

    @property
    def lanes(self) -> tuple[Background, ...]:
        return (self.rows_lane, self.query_lane, self.chart_lane, self.change_lane)

    @property
    def busy(self) -> bool:
        """Whether an answer of the store is awaited."""
        return any(lane.busy for lane in self.lanes)

    def open(self, store: DatasetStore | None) -> None:
        """Puts another dataset in front; None closes the one that is open."""
        if self._store is not None:
            self.change_lane.run(self._store.close)
        self._store = store
        self._revision, self._asking = -1, False
        self.opened.emit(self.name)
        if store is None:
            self._watch.stop()
        else:
            self._watch.start()
            self._on_watch()

    def close(self) -> bool:
        """Ends the lanes; call before the application ends."""
        self._watch.stop()
        ended = [lane.close() for lane in self.lanes]
        if self._store is not None:
            self._store.close()
            self._store = None
        return all(ended)

    def ask(
        self,
        function: Callable[[DatasetStore], Any],
        on_done: Callable[[Any], None],
        lane: Background | None = None,
    ) -> None:
        """Has `function` look at the store on a lane; `on_done` gets its result here."""
        store = self._store
        if store is None:
            return

        def deliver(result: Any) -> None:
            if store is self._store:
                on_done(result)

        (lane or self.query_lane).run(function, store, on_done=deliver, on_failed=self._on_failed)

    def change(
        self,
        function: Callable[[DatasetStore], Any],
        on_done: Callable[[Any], None] | None = None,
    ) -> None:
        """Has `function` change the store; looks for what is new afterwards."""
        store = self._store
        if store is None:
            return

        def deliver(result: Any) -> None:
            if store is self._store:
                if on_done is not None:
                    on_done(result)
                self._on_watch()

        self.change_lane.run(function, store, on_done=deliver, on_failed=self._on_failed)

    def perform(self, operation: Operation) -> None:
        """Makes a change that can be undone."""
        self.change(lambda store: store.perform(operation), self._on_performed)

    @Slot()
    def undo(self) -> None:
        self.change(DatasetStore.undo, self._on_turned)

    @Slot()
    def redo(self) -> None:
        self.change(DatasetStore.redo, self._on_turned)

    @Slot()
    def look(self) -> None:
        """Looks now whether the rows are others."""
        self._on_watch()

    @Slot()
    def _on_watch(self) -> None:
        if not self._asking and self._store is not None:
            self._asking = True
            self.ask(_state_of, self._on_watched)

    def _on_watched(self, state: tuple[int, JournalEntry | None, JournalEntry | None]) -> None:
        self._asking = False
        revision, undoable, redoable = state
        if revision != self._revision:
            self._revision = revision
            self.turnable.emit(undoable, redoable)
            self.changed.emit()

    def _on_performed(self, performed: Performed) -> None:
        self.performed.emit(performed)

    def _on_turned(self, entry: JournalEntry | None) -> None:
        if entry is not None:
            self.turned.emit(entry)

    def _on_failed(self, error: ExpertError) -> None:
        self._asking = False
        self.failed.emit(error)


def _state_of(store: DatasetStore) -> tuple[int, JournalEntry | None, JournalEntry | None]:
    return store.revision(), store.undoable(), store.redoable()
