"""How far a fetch is, said on stderr: a line for each phase, and every tenth of a long one.

Knows nothing of fetching.
"""

from __future__ import annotations

from expert_studio.commands.report import in_bytes, say_aside
from expert_studio.core.experts.fetch_control import FetchProgress, Tell, untold

_WORDS = {
    "asking": "is asked for",
    "receiving": "comes",
    "reading": "is read",
    "checking": "is checked",
}


def teller(quiet: bool) -> Tell:
    """Tells nothing where only JSON may be said."""
    return untold if quiet else _Teller().tell


class _Teller:
    def __init__(self) -> None:
        self._last: tuple[str, str, int] = ("", "", -1)

    def tell(self, progress: FetchProgress) -> None:
        sized = progress.received_bytes and progress.total
        tenth = 10 * progress.done // progress.total if sized else 0
        now = (progress.what, progress.phase, tenth)
        if now == self._last:
            return
        self._last = now
        line = f"{progress.what} {_WORDS[progress.phase]}"
        if progress.received_bytes:
            line += f": {in_bytes(progress.received_bytes)}, {10 * tenth} %"
        say_aside(line)
