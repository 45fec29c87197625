"""Runs pip, tells how far it is, and words why it failed.

Knows pip's output, not what is being installed or why.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from pathlib import Path

from progress_line import ProgressLine, duration
from refusal import Refused

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_STARTED = re.compile(r"\s*(?:Collecting|Processing|Requirement already satisfied:) (\S+)")
_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|ProxyError"
    r"|ConnectTimeout|ReadTimeout|Max retries exceeded|SSLError|Network is unreachable"
    r"|No matching distribution found"
)


class PipReport:
    """How far pip is, read from its lines as they come.

    Attributes:
        total: packages it was given and may still handle; `seen`: those begun.
        installing: whether it has everything and now unpacks.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self.installing = False
        self._current = ""
        self._bytes_done = 0
        self._bytes_total = 0
        self._file_started_s = 0.0

    def feed(self, line: str, now_s: float) -> None:
        """Takes one line of `pip install --progress-bar raw` at a time on any clock."""
        progress = _PROGRESS.match(line)
        if progress:
            done = int(progress[1])
            if done < self._bytes_done or self._bytes_total == 0:
                self._file_started_s = now_s
            self._bytes_done, self._bytes_total = done, int(progress[2])
            return
        if line.startswith("Ignoring "):  # its marker is for another machine
            self.total -= 1
        elif line.startswith("Installing collected packages"):
            self.installing = True
        elif started := _STARTED.match(line):
            self.seen += 1
            self._current = Path(started[1].partition("==")[0]).name
            self._bytes_done = self._bytes_total = 0

    def text(self, now_s: float) -> str:
        """Package, bytes, rate and time left, as one line."""
        head = f"Fetching {min(self.seen, self.total)} of {self.total}: {self._current}"
        elapsed_s = now_s - self._file_started_s
        if self._bytes_total < 5e6 or elapsed_s < 0.5:
            return head
        rate = self._bytes_done / elapsed_s
        left_s = (self._bytes_total - self._bytes_done) / max(rate, 1.0)
        amount = f"{self._bytes_done / 1e6:.0f} of {self._bytes_total / 1e6:.0f} MB"
        return f"{head}, {amount}, {rate / 1e6:.1f} MB/s, {duration(left_s)} left"


def installed_count(site_packages: Path) -> int:
    """Packages wholly installed: pip writes a package's RECORD last."""
    return sum(1 for _ in site_packages.glob("*.dist-info/RECORD"))


def _watch_unpacking(
    site_packages: Path, report: PipReport, line: ProgressLine, ended: threading.Event
) -> None:
    first = installed_count(site_packages)
    started_s = time.monotonic()
    while not ended.wait(0.5):
        done = installed_count(site_packages)
        new, left = done - first, max(report.total - done, 0)
        spent_s = time.monotonic() - started_s
        text = f"Installing {min(done, report.total)} of {report.total} packages"
        if new > 0 and left > 0:
            text += f", {new / spent_s:.1f} a second, {duration(left * spent_s / new)} left"
        line.show(text)


def why_failed(output: str) -> Refused:
    """The failure as sentences, from what pip printed."""
    what = "Python packages could not be installed."
    if "No space left on device" in output or "not enough space on the disk" in output:
        return Refused(what, "The disk is full.", "Free some space and run the same command.")
    if "DO NOT MATCH THE HASHES" in output:
        return Refused(
            what,
            "A downloaded file is not the one this version was tested with.",
            "Nothing of it was installed. Try another network; if it stays, report it.",
        )
    if "Permission denied" in output:
        return Refused(what, "The folder may not be written to.", "Own the folder, then try again.")
    if _NETWORK.search(output):
        return Refused(
            what,
            "The package registry did not answer, or lacks a package for this machine.",
            "Check the network connection and run the same command: it goes on where it was.",
        )
    last = [line for line in output.splitlines() if line.strip()][-1:] or ["pip said nothing"]
    return Refused(what, f"pip ended with: {last[0].strip()}.", "")


def run_pip(
    python: Path, arguments: list[str], log: Path, *, total: int = 0, site_packages: Path
) -> None:
    """Runs `pip install` with these arguments; shows progress when `total` packages are given.

    Raises:
        Refused: pip failed; its whole output is in `log`.
    """
    command = [str(python), "-m", "pip", "install", *arguments]
    environment = {
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_USER": "0",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PYTHONNOUSERSITE": "1",
    }
    environment.pop("PYTHONPATH", None)
    report, line, ended = PipReport(total), ProgressLine(), threading.Event()
    watcher = threading.Thread(
        target=_watch_unpacking, args=(site_packages, report, line, ended), daemon=True
    )
    output: list[str] = []
    with (
        log.open("a", encoding="utf-8") as log_file,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            close_fds=False,  # one_at_a_time's lock goes with it
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as pip,
    ):
        assert pip.stdout is not None
        try:
            for text in pip.stdout:
                now_s = time.monotonic()
                report.feed(text, now_s)
                if not text.startswith("Progress "):
                    output.append(text)
                    log_file.write(text)
                if total and report.installing and not watcher.is_alive():
                    watcher.start()
                elif report.seen and total and not report.installing:
                    line.show(report.text(now_s))
        finally:
            ended.set()
    if watcher.is_alive():
        watcher.join()
    if pip.returncode != 0:
        refused = why_failed("".join(output))
        raise Refused(refused.what, refused.why, f"{refused.remedy} Details: {log}".strip())
