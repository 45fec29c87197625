"""How a command speaks: words for people, JSON for programs, failures as sentences.

Knows nothing of what any command does. With `--json` stdout holds one JSON value and
nothing else; without it answers go to stdout, progress and failures to stderr.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from expert_studio.core.errors import ExpertError, StorageError, UsageError
from expert_studio.core.settings import Folders

DEFECT_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h
STOPPED_EXIT_CODE = 130

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]


def say_json(value: object) -> None:
    """Prints one JSON value, indented, with every character as it is."""
    say_piece(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def say_piece(text: str) -> None:
    """Prints a part of an answer as it is, at once.

    Raises:
        StorageError: standard output goes to a disk that is full, or refuses for another reason.
    """
    with _writing():
        typer.echo(text, nl=False)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # the reader had enough: no failure
    except OSError as cause:
        raise StorageError(
            "The answer could not be written to standard output.",
            f"{cause.strerror or cause}.",
            "Free some space, or send it somewhere else.",
        ) from cause


def say(*lines: str) -> None:
    """Prints lines, with whatever could steer a terminal taken out."""
    for line in lines:
        say_piece(printable(line) + "\n")


def say_aside(line: str) -> None:
    """Prints a line beside the answer, on stderr."""
    typer.echo(printable(line), err=True)


NAME_WIDTH = 24  # characters; a cell up to here is a name or a figure, not a sentence


def say_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Prints a table; long cells wrap, so that nothing is cut, and names stay in one piece."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        longest = max((len(row[index]) for row in rows), default=0)
        table.add_column(column, overflow="fold", no_wrap=longest <= NAME_WIDTH)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    with _writing():
        Console(highlight=False).print(table)


def printable(text: str) -> str:
    """The text without control characters, which a package could use to steer a terminal."""
    return "".join(c if c in "\n\t" or c.isprintable() else "\ufffd" for c in text)


def in_bytes(size_bytes: int) -> str:
    """A size for people: "512 B", "24.3 MB", "1.50 GB"."""
    size = float(size_bytes)
    for unit, digits in (("B", 0), ("kB", 1), ("MB", 1)):
        if size < 1000:
            return f"{size:.{digits}f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"


class Sentences(TyperGroup):
    """A group of commands that fail with sentences and exit codes, never with a traceback."""

    def invoke(self, ctx: Any) -> Any:
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except ExpertError as cause:
            _say_error(cause, as_json)
            raise typer.Exit(cause.exit_code) from cause
        except typer.TyperException as cause:  # the command line itself is wrong
            if not as_json:
                raise
            _say_error(UsageError(cause.format_message(), "", "See: expert-cli --help"), as_json)
            raise typer.Exit(UsageError.exit_code) from cause
        except KeyboardInterrupt as cause:
            say_aside("Stopped.")
            raise typer.Exit(STOPPED_EXIT_CODE) from cause
        except (BrokenPipeError, EOFError, typer.Exit, typer.Abort):
            raise
        except Exception as cause:  # a defect: kept for a report, told as what it is
            error = ExpertError(
                "Something went wrong inside Expert Studio.",
                f"{type(cause).__name__}: {cause}.",
                f"Please report it with {_keep_traceback(cause)}.",
            )
            _say_error(error, as_json, DEFECT_EXIT_CODE)
            raise typer.Exit(DEFECT_EXIT_CODE) from cause


def _say_error(error: ExpertError, as_json: bool, exit_code: int | None = None) -> None:
    code = error.exit_code if exit_code is None else exit_code
    if as_json:
        parts = {"what": error.what, "why": error.why, "remedy": error.remedy}
        try:
            say_json({"error": {**parts, "exit_code": code}})
        except StorageError:
            pass  # nothing can be said there: stderr is left
        else:
            return
    for part in (error.what, error.why, error.remedy):
        if part:
            say_aside(part)


def _keep_traceback(cause: Exception) -> str:
    """Writes the traceback into the log folder; where that fails, on stderr."""
    told = "".join(traceback.format_exception(cause))
    now = datetime.now(UTC)
    path = Folders.default().logs / f"expert-cli-{now:%Y%m%d-%H%M%S}-{os.getpid()}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{now.isoformat()}\n{_versions()}\n\n{told}", encoding="utf-8")
    except OSError:
        typer.echo(told, err=True)
        return "the lines above"
    return str(path)


def _versions() -> str:
    return f"Python {sys.version.split()[0]}, {platform.platform()}, {Path(sys.argv[0]).name}"
