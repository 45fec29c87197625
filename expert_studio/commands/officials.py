"""The verb official sign: what ships with the app, signed when it is built.

Knows nothing of keys (`core.experts.official`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expert_studio.commands.report import AsJson, Sentences, say, say_json
from expert_studio.core.experts.official import sign_official
from expert_studio.core.settings import bundled_experts_folder

official_verbs = typer.Typer(
    cls=Sentences, no_args_is_help=True, help="The experts that ship with Expert Studio."
)


@official_verbs.callback()
def _official() -> None:
    """The experts that ship with Expert Studio."""


@official_verbs.command("sign")
def sign(
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where they lie, each in its own folder.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", "-k", metavar="FILE", help="A key that is kept, made if not there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign every expert in experts/ with one key, and ship its public half."""
    done = sign_official(folder or bundled_experts_folder(), key)
    if as_json:
        files = [str(package) for package in done.packages]
        public = {"public_key": done.public_key, "public_key_file": str(done.public_file)}
        say_json(public | {"packages": files})
        return
    say(
        *(f"{package.name} is signed." for package in done.packages),
        f"The public half is in {done.public_file}: commit it with the packages.",
        done.public_key,
    )
