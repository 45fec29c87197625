"""Pip's output as a person reads it, from recorded lines and from the real pip."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pip_run
import pytest
from progress_line import ProgressLine, duration
from refusal import Refused

RECORDED = """\
Ignoring pywin32-ctypes: markers "sys_platform == 'win32'" don't match your environment
Collecting accelerate==1.15.0 (from -r requirements-cpu.txt (line 4))
  Downloading accelerate-1.15.0-py3-none-any.whl (390 kB)
Collecting pyside6-essentials==6.11.3 (from -r requirements-cpu.txt (line 200))
  Downloading pyside6_essentials-6.11.3-cp310-abi3-manylinux_2_34_x86_64.whl (80.0 MB)
Progress 0 of 80000000
"""


def _fed(lines: str) -> pip_run.PipReport:
    report = pip_run.PipReport(total=88)
    for line in lines.splitlines():
        report.feed(line, now_s=100.0)
    return report


def test_progress_has_amount_rate_and_time_left() -> None:
    report = _fed(RECORDED)
    assert (report.seen, report.total, report.installing) == (2, 87, False)
    report.feed("Progress 20000000 of 80000000", now_s=104.0)
    expected = "Fetching 2 of 87: pyside6-essentials, 20 of 80 MB, 5.0 MB/s, 12 s left"
    assert report.text(now_s=104.0) == expected


def test_small_files_show_no_rate() -> None:
    report = _fed("Collecting six==1.17.0\nProgress 10 of 11000")
    assert report.text(now_s=109.0) == "Fetching 1 of 88: six"


def test_installing_is_noticed() -> None:
    assert _fed(RECORDED + "Installing collected packages: accelerate, torch").installing


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full."),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "not the one this version"),
        ("NameResolutionError(\"Failed to resolve 'registry.invalid'\")", "network connection"),
        ("[Errno 13] Permission denied: 'x'", "may not be written to"),
        ("\nERROR: something new\n", "pip ended with: ERROR: something new."),
        ("", "pip said nothing"),
    ],
)
def test_failures_are_sentences(output: str, sentence: str) -> None:
    refused = pip_run.why_failed(output)
    assert refused.what == "Python packages could not be installed."
    assert sentence in str(refused)


def test_a_missing_package_fails_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    arguments = ["--no-index", "--find-links", str(tmp_path), "expert-studio-absent==1"]
    target = ["--dry-run", "--no-deps"]
    with pytest.raises(Refused, match=r"Details: .*log\.txt"):
        pip_run.run_pip(
            Path(sys.executable), [*target, *arguments], log, total=1, site_packages=tmp_path
        )
    assert "No matching distribution" in log.read_text("utf-8")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_rewrites_one_line() -> None:
    terminal = _Terminal()
    line = ProgressLine(terminal)
    line.show("a long line")
    line.end("short")
    assert terminal.getvalue() == "\ra long line\rshort      \n"


def test_a_log_is_not_flooded() -> None:
    log = io.StringIO()
    line = ProgressLine(log)
    for percent in range(100):
        line.show(f"{percent} %")
    line.end("done")
    assert log.getvalue() == "0 %\ndone\n"


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.2, 89, 90, 3600)] == [
        "0 s", "89 s", "2 min", "60 min",
    ]  # fmt: skip
