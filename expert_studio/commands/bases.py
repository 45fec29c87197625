"""The verbs about bases: fetch one from the hub, list those on this disk; which one is meant.

Knows nothing of the hub or of weights (`core.inference`). Imports no torch.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.progress import TransferSpeedColumn as Speed

from expert_studio.commands.report import AsJson, Sentences, in_bytes, say, say_json, say_table
from expert_studio.core.settings import Folders

if TYPE_CHECKING:
    from expert_studio.core.inference.download import DownloadControl, DownloadProgress

base_verbs = typer.Typer(cls=Sentences, no_args_is_help=True, help="Bases: the models beneath.")

Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="BASE",
        help="A Hugging Face folder, the name of a fetched base, or `bundled`. "
        "Without it, the one chosen in the settings.",
    ),
]


@base_verbs.command("download")
def download(
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Such as Qwen/Qwen3-0.6B.")],
    revision: Annotated[
        str | None, typer.Option(help="A commit, tag or branch; the pinned commit without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a base from the hub; started again after a stop, it goes on from there."""
    from expert_studio.core.inference.download import (
        DownloadControl,
        base_destination,
        download_base,
        fetched_bases,
    )
    from expert_studio.core.inference.hub import stored_token

    bases = Folders.default().bases
    control = DownloadControl()
    with _stopped_by_interrupt(control), _progress(as_json) as bar:
        place = base_destination(bases, repo)
        folder = download_base(repo, revision, place, stored_token(), bar, control)
    (fetched,) = (base for base in fetched_bases(bases) if base.folder == folder)
    if as_json:
        described = {"repo": fetched.repo, "revision": fetched.revision}
        say_json(described | {"folder": str(folder), "size_bytes": fetched.size_bytes})
        return
    say(
        f"{fetched.repo} at revision {fetched.revision[:12]} is in {folder}.",
        f"Use it with: --base {fetched.repo}",
    )


@base_verbs.command("list")
def list_bases(as_json: AsJson = False) -> None:
    """List the bundled base, those that were fetched, and those that can be."""
    from expert_studio.core.inference.download import fetched_bases
    from expert_studio.core.inference.hub import KNOWN_BASES

    folders = Folders.default()
    fetched = fetched_bases(folders.bases)
    have = {base.repo.lower() for base in fetched}
    offered = [base for base in KNOWN_BASES if base.repo.lower() not in have]
    if as_json:
        say_json(
            {
                "bundled": str(folders.bundled_base),
                "fetched": [
                    {
                        "repo": base.repo,
                        "revision": base.revision,
                        "folder": str(base.folder),
                        "size_bytes": base.size_bytes,
                    }
                    for base in fetched
                ],
                "offered": [
                    {"repo": b.repo, "revision": b.revision, "download_bytes": b.download_bytes}
                    for b in offered
                ],
            }
        )
        return
    rows = [("bundled", "here", "", str(folders.bundled_base))]
    rows += [(b.repo, "here", in_bytes(b.size_bytes), str(b.folder)) for b in fetched]
    rows += [
        (b.repo, "to fetch", in_bytes(b.download_bytes), f"expert-cli base download {b.repo}")
        for b in offered
    ]
    say_table(("base", "", "size", "where"), rows)


@contextmanager
def _stopped_by_interrupt(control: DownloadControl) -> Iterator[None]:
    """Ctrl-C ends the download in order, so that what arrived is kept."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        control.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Bar:
    """Draws what the download tells."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def __call__(self, told: DownloadProgress) -> None:
        words = "checking" if told.state == "checking" else told.file
        self._progress.update(
            self._task, description=words, completed=told.bytes_done, total=told.bytes_total
        )


@contextmanager
def _progress(hidden: bool) -> Iterator[_Bar]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), Speed(), TimeLeft())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=hidden or not console.is_terminal) as progress:
        yield _Bar(progress)
