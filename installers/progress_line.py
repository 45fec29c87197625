"""One line that says how far a long step is: rewritten in a terminal, repeated in a log.

Knows nothing of what is being done.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

QUIET_S = 10.0  # between two lines where they cannot be rewritten


class ProgressLine:
    """Shows the newest state of a step; the last one stays."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._shown_at_s = -QUIET_S
        self._shown_width = 0

    def show(self, text: str) -> None:
        """Replaces the line, or adds one if the last is old enough."""
        now_s = time.monotonic()
        if self._rewrites:
            if now_s - self._shown_at_s < 0.1:
                return
            text = text[: shutil.get_terminal_size().columns - 1]
            self._stream.write("\r" + text.ljust(self._shown_width))
            self._shown_width = len(text)
        elif now_s - self._shown_at_s < QUIET_S:
            return
        else:
            self._stream.write(text + "\n")
        self._shown_at_s = now_s
        self._stream.flush()

    def end(self, text: str) -> None:
        """Replaces the line for good."""
        if self._rewrites:
            self._stream.write("\r" + text.ljust(self._shown_width) + "\n")
        else:
            self._stream.write(text + "\n")
        self._shown_width = 0
        self._stream.flush()


def duration(seconds: float) -> str:
    """Seconds as a person says them: "40 s", "3 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
