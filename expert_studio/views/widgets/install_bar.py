"""Looks at dropped or chosen files, has the person asked where need be, installs them.

One file after another, with how far that is; hidden while nothing is done. Knows nothing
of how the library or the question is shown; the work itself is `core.experts.arrival`,
beside the window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.errors import ArchiveError, ConsentError, ExpertError, IntegrityError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.acquisition import ANY_BASE, BaseWanted
from expert_studio.core.experts.arrival import (
    Arrival,
    bring_in,
    in_order,
    look_at,
    needs_of,
)
from expert_studio.core.experts.install import Installation
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.thin_bar import ThinBar

EXPERT_SUFFIX = ".expert"


class InstallBar(QFrame):
    """One line: what is done with which file, how many are left, and a way to stop.

    Signals:
        consent_wanted(tuple[Arrival, ...]): there is something to decide; `proceed` or
            `decline` goes on.
        failed(ExpertError): one file is not installed; the others go on.
        finished(tuple[Installation, ...]): nothing is left to do; what was installed.
    """

    consent_wanted = Signal(object)
    failed = Signal(object)
    finished = Signal(object)

    def __init__(
        self,
        library: Library,
        background: Background,
        base: Callable[[], BaseDescription | None],
        acceptance: Callable[[], Acceptance],
        installed: Callable[[], Sequence[InstalledExpert]],
        parent: QWidget | None = None,
    ) -> None:
        """`acceptance` gives the person's trust and policy; it is called beside the window."""
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._library = library
        self._background = background
        self._base = base
        self._acceptance = acceptance
        self._installed = installed
        self._files: deque[Path] = deque()
        self._shipped: set[Path] = set()  # of those under way
        self._seen: list[Arrival] = []
        self._brought: list[Arrival] = []  # looked at elsewhere, waiting for their turn
        self._wanted: deque[Arrival] = deque()
        self._consents: frozenset[str] = frozenset()
        self._now = ""  # what the work under way is about
        self._waiting = False
        self._asked = 0
        self._done: list[Installation] = []
        self._build()
        self.hide()

    @property
    def busy(self) -> bool:
        """Whether a file is read or installed now."""
        return bool(self._now)

    @property
    def waiting(self) -> bool:
        """Whether the person has to decide first."""
        return self._waiting

    def install(self, paths: Sequence[Path], *, shipped: bool = False) -> None:
        """Queues files; what cannot be an expert is refused at once, the rest goes on.

        Args:
            shipped: they came with the app, whose makers the person trusts already.
        """
        for path in paths:
            refusal = _refusal(path)
            if refusal is not None:
                self.failed.emit(refusal)
            else:
                self._files.append(path)
                self._shipped |= {path} if shipped else set()
                self._asked += 1
        if not self.busy and not self._waiting:
            self._look()

    def consider(self, arrivals: Sequence[Arrival]) -> None:
        """Goes on with what was looked at elsewhere, as with files."""
        self._brought += arrivals
        if not self.busy and not self._waiting:
            self._look()

    def proceed(self, arrivals: Sequence[Arrival], consents: frozenset[str]) -> None:
        """Installs these, in this order; the consents hold for each that asks for them."""
        self._waiting = False
        self._wanted = deque(arrivals)
        self._consents = consents
        self._asked = len(arrivals)
        self._bring()

    def decline(self) -> None:
        """Installs nothing of what was looked at."""
        if self._waiting:
            self.proceed((), frozenset())

    def _build(self) -> None:
        self._text = ElidedLabel()
        self._stop = QPushButton(self.tr("Stop after this one"))
        self._stop.setProperty("role", "quiet")
        self._stop.setAccessibleName(self._stop.text())
        self._stop.clicked.connect(self._on_stop)
        self._bar = ThinBar()
        self._bar.setAccessibleName(self.tr("Installing experts"))
        row = QHBoxLayout()
        row.addWidget(self._text, 1)
        row.addWidget(self._stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._bar)

    def _look(self) -> None:
        if not self._files:
            self._decide()
            return
        path = self._files.popleft()
        self._now = path.name
        said = self.tr("Checking {file} ({number} of {total})")
        self._tell(said, path.name, len(self._files))
        self._background.run(
            _looked_at,
            path,
            self._library,
            self._acceptance,
            self._base_asked(),
            path in self._shipped,
            on_done=self._on_seen,
            on_failed=self._on_unseen,
        )

    def _decide(self) -> None:
        seen, self._now = [*self._seen, *self._brought], ""
        self._seen, self._brought = [], []
        for arrival in seen:
            if arrival.refusal is not None and not _is_shown(arrival):
                self._fail(arrival.refusal, arrival.source.name)
        arrivals = in_order(arrival for arrival in seen if _is_shown(arrival))
        plain = all(arrival.is_plain for arrival in arrivals)
        if plain and not self._lacks(arrivals):
            self.proceed(arrivals, frozenset())
            return
        self._waiting = True
        self.hide()
        self.consent_wanted.emit(arrivals)

    def _lacks(self, arrivals: Sequence[Arrival]) -> bool:
        """Whether one of them needs what is neither installed nor comes along."""
        installed = self._installed()
        needs = (need for a in arrivals for need in needs_of(a, arrivals, installed))
        return any(need.state in ("missing", "wrong version") for need in needs)

    def _bring(self) -> None:
        if not self._wanted:
            self._end()
            return
        arrival = self._wanted.popleft()
        self._now = arrival.source.name
        said = self.tr("Installing {file} ({number} of {total})")
        self._tell(said, arrival.name, len(self._wanted))
        self._background.run(
            _brought_in,
            arrival,
            self._library,
            self._acceptance,
            self._consents,
            self._base_asked(),
            arrival.source in self._shipped,
            on_done=self._on_installed,
            on_failed=self._on_failed,
        )

    def _tell(self, said: str, name: str, left: int) -> None:
        number = self._asked - left
        self._text.set_text(said.format(file=name, number=number, total=self._asked))
        self._bar.setRange(0, self._asked)
        self._bar.setValue(number - 1)
        self._stop.setVisible(bool(left))
        self.show()

    def _end(self) -> None:
        done, self._done = tuple(self._done), []
        self._now = ""
        self._asked = len(self._files)
        self._shipped.clear()
        self.hide()
        self.finished.emit(done)
        if (self._files or self._brought) and not self.busy:
            self._look()

    def _base_asked(self) -> BaseWanted:
        base = self._base()
        return BaseWanted(base.name, base.sha256, base.folder) if base else ANY_BASE

    def _fail(self, error: ExpertError, name: str) -> None:
        if name not in str(error):
            what = self.tr("{file} was not installed.").format(file=name)
            error = type(error)(what, f"{error.what} {error.why}".strip(), error.remedy)
        self.failed.emit(error)

    @Slot(object)
    def _on_seen(self, arrival: Arrival) -> None:
        self._seen.append(arrival)
        self._look()

    @Slot(object)
    def _on_unseen(self, error: ExpertError) -> None:
        self._fail(error, self._now)
        self._look()

    @Slot(object)
    def _on_installed(self, installation: Installation) -> None:
        self._done.append(installation)
        self._bring()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        if isinstance(error, ConsentError):  # the file was another one than that looked at
            error = IntegrityError(error.what, error.why, self.tr("Look at it again."))
        self._fail(error, self._now)
        self._bring()

    @Slot()
    def _on_stop(self) -> None:
        self._asked -= len(self._files) + len(self._wanted)
        self._files.clear()
        self._wanted.clear()
        self._stop.hide()


def _looked_at(
    path: Path,
    library: Library,
    acceptance: Callable[[], Acceptance],
    base: BaseWanted,
    shipped: bool,
) -> Arrival:
    trust = acceptance()
    if shipped and path.is_file():
        trust = replace(trust, own=trust.own | {weights_sha256(path)})
    return look_at(path, library, trust, base)


def _brought_in(
    arrival: Arrival,
    library: Library,
    acceptance: Callable[[], Acceptance],
    consents: frozenset[str],
    base: BaseWanted,
    shipped: bool,
) -> Installation:
    trust = acceptance()
    if shipped and arrival.package is not None:
        trust = replace(trust, own=trust.own | {arrival.package.sha256})
    return bring_in(arrival, library, trust, consents, base)


def _is_shown(arrival: Arrival) -> bool:
    """Whether the person sees it before anything happens, though it may be refused."""
    return arrival.refusal is None or isinstance(arrival.refusal, IntegrityError)


def _refusal(path: Path) -> ArchiveError | None:
    """Why a path cannot be an expert's file, judged by its name alone."""
    if path.suffix.lower() == EXPERT_SUFFIX and not path.is_dir():
        return None
    kind = "a folder" if path.is_dir() else "not an expert"
    return ArchiveError(
        f"{path.name} was not installed.",
        f"It is {kind}; experts come as one file whose name ends in {EXPERT_SUFFIX}.",
        "Drop such a file, or pack a folder with expert-cli package.",
    )
