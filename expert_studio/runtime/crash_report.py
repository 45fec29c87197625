"""What is known of a defect that surfaced on some thread. Knows nothing of how it is shown."""

from __future__ import annotations

import traceback
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CrashReport:
    """One unexpected exception, as text, so that it can cross threads and be copied."""

    summary: str  # "ValueError: ..."
    trace: str
    where: str  # the thread or the work it happened in

    @classmethod
    def of(cls, defect: BaseException, where: str) -> CrashReport:
        summary = "".join(traceback.format_exception_only(defect)).strip()
        return cls(summary, "".join(traceback.format_exception(defect)), where)
