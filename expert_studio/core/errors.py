"""Every expected failure, worded for the person who meets it.

Knows nothing of windows, terminals or logs: core raises, runtime carries,
`views.notices` and `cli` show. Anything that is not an `ExpertError` is a
defect and reaches the crash dialog.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class CrashReport:
    """A defect as text, so that it can cross threads and be copied from the crash dialog."""

    summary: str  # "ValueError: ..."
    trace: str
    where: str  # the thread or the work it happened in

    @classmethod
    def of(cls, defect: BaseException, where: str) -> Self:
        summary = "".join(traceback.format_exception_only(defect)).strip()
        return cls(summary, "".join(traceback.format_exception(defect)), where)


class ExpertError(Exception):
    """A failure that was foreseen, as sentences.

    Attributes:
        what: what happened, one sentence ("json-parser could not be installed.").
        why: the cause, one sentence, or "".
        remedy: what the person can do, one sentence, or "".
        exit_code: what `expert-cli` exits with (upstream's documented codes).
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(" ".join(part for part in (what, why, remedy) if part))
        self.what = what
        self.why = why
        self.remedy = remedy


class UsageError(ExpertError):
    """The command line or a call was given something it cannot take."""

    exit_code = 2


class SettingsError(ExpertError):
    """The settings file or a data folder cannot be used."""


class StorageError(ExpertError):
    """The disk is full, read-only, or refused a file."""


class ManifestError(ExpertError):
    """A manifest cannot be read or says something impossible."""

    exit_code = 11


class ArchiveError(ExpertError):
    """A `.expert` file is damaged, hostile or not one at all."""

    exit_code = 12


class IntegrityError(ArchiveError):
    """A hash or a signature does not match what it covers."""

    exit_code = 5


class KeyFileError(ExpertError):
    """A key that signs packages, or the list of trusted ones, cannot be used."""

    exit_code = 5


class ConsentError(ExpertError):
    """Something is done only if the person agrees, and nobody did.

    Attributes:
        needed: what has to be agreed to, in the words of `experts.acceptance`.
    """

    exit_code = 5

    def __init__(self, what: str, why: str, remedy: str, needed: tuple[str, ...]) -> None:
        super().__init__(what, why, remedy)
        self.needed = needed


class DependencyError(ExpertError):
    """Experts needed are missing, in conflict, or form a cycle."""

    exit_code = 3


class CompatibilityError(ExpertError):
    """An expert was made for another base model."""

    exit_code = 4


class LibraryError(ExpertError):
    """The library on disk cannot do what was asked."""


class LoadError(ExpertError):
    """A base model or an adapter could not be loaded."""


class DownloadError(ExpertError):
    """A base model could not be fetched from the hub."""


class FetchError(ExpertError):
    """A repository could not be read, or what lies in it is no expert."""


class FetchStopped(FetchError):
    """The person stopped it. What had come is kept."""


class InferenceError(ExpertError):
    """An answer could not be generated."""


class OutOfMemoryError(InferenceError):
    """The device or the machine has no room for what was asked."""


class DatasetError(ExpertError):
    """Training examples cannot be read or used."""

    exit_code = 11


class TrainingError(ExpertError):
    """A training run could not start or did not end well."""

    exit_code = 10
