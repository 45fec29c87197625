"""The log on disk: in files of bounded size, without keys, tokens or the person's home folder.

What is logged is put into a line by whoever logs and written by a thread of its own, so that
nobody waits for the disk. Knows nothing of who reads it.
"""

from __future__ import annotations

import logging
import queue
import re
from collections.abc import Sequence
from dataclasses import dataclass
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from typing import Literal

from expert_studio.core.datasets.quality_secrets import masked
from expert_studio.core.errors import StorageError
from expert_studio.core.settings import Folders

Level = Literal["info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("info", "warning", "error")
FILE_NAME = "studio.log"
MOST_BYTES = 1 << 20  # of one file
KEPT_FILES = 3  # besides the one that is written to
_MOST_LINE = 20_000  # characters
_LEVELS: dict[str, Level] = {
    "INFO": "info",
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "error",
}
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (INFO|WARNING|ERROR|CRITICAL) ([\w.-]+): (.*)"
)
_BEARER = re.compile(r"(?i)\b(bearer|authorization:|x-api-key:)(\s+)[^\s\"',;]{6,}")
_USER_IN_ADDRESS = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@]+@")
_SIMPLE_TOKEN = re.compile(r"\b(hf_|sk-|ghp_|gho_|glpat-)[A-Za-z0-9_-]{8,}")


@dataclass(frozen=True, slots=True)
class LogLine:
    """`when` as written, local time; `text` with what followed on lines of its own."""

    when: str
    level: Level
    source: str
    text: str


def redacted(text: str) -> str:
    """The text without keys, tokens, passwords in addresses, mail addresses and the home folder."""
    home = str(Path.home())
    for spelling in {home, home.replace("\\", "/"), home.replace("\\", "\\\\")}:
        if len(spelling) > 3:
            text = text.replace(spelling, "~")
    text = _BEARER.sub(r"\1\2[KEY]", text)
    text = _USER_IN_ADDRESS.sub(r"\1[USER]@", text)
    return masked(_SIMPLE_TOKEN.sub("[KEY]", text))


class LogFile:
    """Writes what is logged from `start` until `close`."""

    def __init__(self, folders: Folders) -> None:
        self._path = folders.logs / FILE_NAME
        self._lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._taker = QueueHandler(self._lines)
        self._listener: QueueListener | None = None
        self._level = logging.NOTSET

    def start(self) -> None:
        """A folder that cannot be written to leaves the app without a log, not without a window."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            writer = RotatingFileHandler(
                self._path, maxBytes=MOST_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
            )
        except OSError:
            return
        writer.setFormatter(_Redacting())
        self._listener = QueueListener(self._lines, writer)
        self._listener.start()
        root = logging.getLogger()
        root.addHandler(self._taker)
        ours = logging.getLogger("expert_studio")
        self._level = ours.level
        ours.setLevel(logging.INFO)
        ours.disabled = False  # a library that sets logging up anew switches off what is there

    def close(self) -> None:
        """Writes what is waiting and lets the file go."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        logging.getLogger().removeHandler(self._taker)
        logging.getLogger("expert_studio").setLevel(self._level)
        listener.stop()
        for handler in listener.handlers:
            handler.close()


def read(folders: Folders, most_lines: int = 2000) -> tuple[LogLine, ...]:
    """The last lines of the log, oldest first, redacted once more.

    Raises:
        StorageError: it is there and cannot be read.
    """
    found: list[LogLine] = []
    try:
        for number in (*range(KEPT_FILES, 0, -1), 0):
            path = folders.logs / (f"{FILE_NAME}.{number}" if number else FILE_NAME)
            if path.exists():
                found += parsed(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as cause:
        raise StorageError(
            "The log cannot be read.", f"{cause.strerror or cause}.", f"Look into {folders.logs}."
        ) from cause
    return tuple(found[-most_lines:])


def parsed(text: str) -> list[LogLine]:
    """Lines that begin no entry belong to the one before; a beginning that was cut off is left."""
    found: list[LogLine] = []
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            when, level, source, said = match.groups()
            found.append(LogLine(when, _LEVELS[level], source, redacted(said)))
        elif found:
            last = found[-1]
            more = f"{last.text}\n{redacted(line)}"
            found[-1] = LogLine(last.when, last.level, last.source, more)
    return found


def as_text(lines: Sequence[LogLine]) -> str:
    """As the file has it."""
    return "\n".join(f"{one.when} {one.level.upper()} {one.source}: {one.text}" for one in lines)


class _Redacting(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record)[:_MOST_LINE])
