"""The verb bench packages: how long a package and a large library take on this machine.

Knows nothing of how (`core.experts.package_bench`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from expert_studio.commands.report import AsJson, in_bytes, say, say_aside, say_json, say_table
from expert_studio.core.errors import UsageError

SIZES = "100,1000,10000"


def packages(
    sizes: Annotated[str, typer.Option(help="How many experts, one library each.")] = SIZES,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where; a temporary folder without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure verifying and installing 20 MB, and listing and resolving large libraries.

    Ten versions of each expert; what is made for it is removed at the end (10,000 experts take
    about 1 GB).
    """
    from expert_studio.core.experts.package_bench import measure

    try:
        wanted = tuple(int(text) for text in sizes.split(","))
    except ValueError as cause:
        raise UsageError(f"{sizes!r} are no sizes.", "", "Write 100,1000.") from cause
    if not wanted or min(wanted) < 1 or max(wanted) > 100_000:
        raise UsageError(f"{sizes!r} are no sizes.", "", "From 1 to 100,000.")
    with tempfile.TemporaryDirectory(prefix="expert-bench-", dir=folder) as scratch:
        found = measure(Path(scratch), wanted, (lambda _: None) if as_json else say_aside)
    if as_json:
        say_json(found.as_json())
        return
    size = in_bytes(found.package_bytes)
    say(f"Verified and installed: {size} in {found.verify_install_ms:.0f} ms.")
    rows = [
        (
            f"{one.experts:,}",
            f"{one.list_ms:.1f}",
            f"{1000 * one.list_ms / one.experts:.1f}",
            f"{one.first_list_ms:.1f}",
            f"{one.resolve_ms:.1f}",
        )
        for one in found.by_size
    ]
    say_table(("experts", "list ms", "µs each", "without index ms", "resolve ten ms"), rows)
