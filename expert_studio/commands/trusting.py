"""The verbs under `trust`: whose packages are welcome here.

Knows nothing of how keys are kept (`core.experts.trust`).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, get_args

import typer

from expert_studio.commands.report import AsJson, Sentences, say, say_json, say_table
from expert_studio.core import settings
from expert_studio.core.errors import UsageError
from expert_studio.core.experts.trust import TrustedKey, TrustStore
from expert_studio.core.settings import Folders, UnsignedPolicy

trust_verbs = typer.Typer(
    cls=Sentences, no_args_is_help=True, help="Whose packages are welcome: keys of publishers."
)
Wanted = Annotated[str, typer.Argument(metavar="KEY|PUBLISHER", help="ed25519:…, or the name.")]


@trust_verbs.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys: trusted, shipped with the app, or revoked."""
    keys = _store().keys()
    policy = settings.load(Folders.default()).unsigned_packages
    if as_json:
        say_json({"keys": [asdict(key) for key in keys], "unsigned_packages": policy})
        return
    if not keys:
        say("No key is trusted yet.", "Trust one with: expert-cli trust add FILE.pub")
    else:
        rows = [(key.publisher, _state(key), key.public_key) for key in keys]
        say_table(("publisher", "state", "key"), rows)
    say(f"Packages nobody signed: {policy}.")


@trust_verbs.command("add")
def add(
    key: Annotated[str, typer.Argument(metavar="KEY|FILE.pub", help="The key, or its file.")],
    publisher: Annotated[str, typer.Option("--publisher", "-n", help="Whose it is.")] = "",
    expires: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Its last day.")] = "",
    as_json: AsJson = False,
) -> None:
    """Trust a publisher's key. Compare its digits with what the publisher says elsewhere."""
    added = _store().add(_line(key), publisher, expires)
    if as_json:
        say_json(asdict(added))
        return
    say(f"{added.publisher} is trusted.", added.public_key)


@trust_verbs.command("remove")
def remove(wanted: Wanted, as_json: AsJson = False) -> None:
    """Forget a key: what it signed is then of an unknown key."""
    gone = _store().remove(_line(wanted).split(" ")[0] if wanted.endswith(".pub") else wanted)
    if as_json:
        say_json({"removed": [asdict(key) for key in gone]})
        return
    for key in gone:
        say(f"{key.publisher} is no longer trusted: {key.public_key}")


@trust_verbs.command("revoke")
def revoke(
    wanted: Wanted,
    reason: Annotated[str, typer.Option(help="Why, for later readers.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take trust back for good: what the key signed is INVALID from now on."""
    keys = _store().revoke(wanted, reason)
    if as_json:
        say_json({"revoked": [asdict(key) for key in keys]})
        return
    for key in keys:
        say(f"The key of {key.publisher} is revoked: {key.public_key}")


@trust_verbs.command("policy")
def policy(
    unsigned: Annotated[
        str, typer.Argument(metavar="ask|always|never", help="Whether to install unsigned ones.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say what happens with packages that nobody signed."""
    if unsigned not in get_args(UnsignedPolicy):
        raise UsageError(f"{unsigned!r} is no policy.", "", "Say ask, always or never.")
    folders = Folders.default()
    settings.save(replace(settings.load(folders), unsigned_packages=unsigned), folders)
    if as_json:
        say_json({"unsigned_packages": unsigned})
        return
    say(f"Packages nobody signed: {unsigned}.")


def _store() -> TrustStore:
    return TrustStore.of(Folders.default())


def _line(key: str) -> str:
    """The key itself, or the first line of the file of that name."""
    path = Path(key)
    if key.startswith("ed25519:") or not path.is_file():
        return key
    return path.read_text(encoding="utf-8", errors="replace")[:1000].partition("\n")[0]


def _state(key: TrustedKey) -> str:
    if key.revoked:
        return f"revoked: {key.revoked}"
    until = f" until {key.expires}" if key.expires else ""
    return ("ships with the app" if key.shipped else "trusted") + until
