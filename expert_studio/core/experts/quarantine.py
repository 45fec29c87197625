"""A package nobody vouches for, held apart: looked at and tried, before it may come in.

    pen = Quarantine(Folders.default())
    held = pen.hold(path, acceptance)     # unpacked and checked as any, in a library of its own
    held.expert                           # an InstalledExpert the engine can load as any other
    pen.release(held, library, acceptance)   or   pen.discard(held)

What to ask it is in `canary`. Knows nothing of engines or windows.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from expert_studio.core.errors import LibraryError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.acquisition import ANY_BASE, BaseWanted
from expert_studio.core.experts.archive import Package, inspect
from expert_studio.core.experts.install import Installation, install
from expert_studio.core.experts.library import InstalledExpert, Library, storage_error
from expert_studio.core.experts.trust import Standing
from expert_studio.core.experts.update_preview import UpdatePreview, preview
from expert_studio.core.settings import Folders

_PACKAGE = "package.expert"


@dataclass(frozen=True, slots=True)
class Held:
    """One package in quarantine."""

    expert: InstalledExpert  # in the quarantine's own library
    package: Package  # files, hashes, deviations, warnings
    file: Path
    standing: Standing
    preview: UpdatePreview  # against the person's library
    warnings: tuple[str, ...] = ()


class Quarantine:
    """The packages held, one folder each, named by the package's hash."""

    def __init__(self, folders: Folders) -> None:
        self.folder = folders.data / "quarantine"

    def hold(
        self,
        path: Path,
        library: Library,
        acceptance: Acceptance,
        base: BaseWanted = ANY_BASE,
    ) -> Held:
        """Copies a package here and unpacks it; INVALID and hostile ones are refused as ever.

        Raises:
            ExpertError: as `install`, but for consent, which is not asked here.
        """
        digest = inspect(path).sha256
        place = self.folder / digest
        try:
            place.mkdir(parents=True, exist_ok=True)
            copy = place / _PACKAGE
            if not copy.is_file():
                shutil.copyfile(path, copy.with_suffix(".partial"))
                copy.with_suffix(".partial").replace(copy)
        except OSError as cause:
            raise storage_error("The package cannot be held.", cause, place) from cause
        try:
            done = install(copy, Library(place), base.name, base.sha256, base.folder)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return self._held(done.expert, copy, library, acceptance, done.warnings)

    def held(self, library: Library, acceptance: Acceptance) -> tuple[Held, ...]:
        """Everything in quarantine, by name."""
        places = [p for p in sorted(self.folder.glob("*")) if (p / _PACKAGE).is_file()]
        found = [
            self._held(expert, place / _PACKAGE, library, acceptance, ())
            for place in places
            for expert in Library(place).experts()
        ]
        return tuple(sorted(found, key=lambda h: (h.expert.name, h.expert.version)))

    def release(
        self,
        held: Held,
        library: Library,
        acceptance: Acceptance,
        base: BaseWanted = ANY_BASE,
    ) -> Installation:
        """Installs it for good and ends its quarantine.

        Raises:
            ExpertError: as `install`; it stays in quarantine then.
        """
        self._check(held)
        done = install(held.file, library, base.name, base.sha256, base.folder, acceptance)
        self.discard(held)
        return done

    def discard(self, held: Held) -> None:
        """Deletes it."""
        self._check(held)
        shutil.rmtree(held.file.parent, ignore_errors=True)

    def _check(self, held: Held) -> None:
        if held.file.parent.parent != self.folder or not held.file.is_file():
            raise LibraryError(f"{held.expert.name} is not in quarantine any more.")

    def _held(
        self,
        expert: InstalledExpert,
        copy: Path,
        library: Library,
        acceptance: Acceptance,
        warnings: tuple[str, ...],
    ) -> Held:
        package = inspect(copy)
        standing = acceptance.store.standing(package.signature)
        shown = preview(package, library, acceptance)
        return Held(expert, package, copy, standing, shown, warnings)
