"""The verbs keygen, sign and verify: who vouches for a package.

Knows nothing of what a signature covers (`core.experts.signature`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from expert_studio.commands.library import opened_library
from expert_studio.commands.report import AsJson, say, say_json
from expert_studio.core.errors import IntegrityError, KeyFileError
from expert_studio.core.experts import keys, signing
from expert_studio.core.experts.made_here import remember
from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.experts.trust import INVALID, TrustStore
from expert_studio.core.settings import Folders

PASSPHRASE_VARIABLE = "EXPERT_STUDIO_PASSPHRASE"  # noqa: S105 - the name, not the secret
T = TypeVar("T")


def keygen(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the private key goes.")
    ] = Path("publisher.pem"),
    name: Annotated[
        str, typer.Option("--name", "-n", help="The publisher, as people will read it.")
    ] = "",
    passphrase: Annotated[
        bool,
        typer.Option(
            "--passphrase", help=f"Protect it; asked for, or taken from {PASSPHRASE_VARIABLE}."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key pair to sign packages with; the private half is for you alone."""
    secret = _new_passphrase() if passphrase else ""
    key = keys.generate(output, name or _asked_for_name(), secret)
    public_file = output.with_name(output.name + ".pub")
    if as_json:
        files = {"private_key": str(output), "public_key_file": str(public_file)}
        say_json({"public_key": key.public, "publisher": key.publisher} | files)
        return
    say(
        f"The private key is in {output}: keep it to yourself, and keep a copy.",
        f"The public key is in {public_file}: give it to whoever should trust you.",
        key.public,
    )


def sign(
    package: Annotated[Path, typer.Argument(metavar="FILE", help="The .expert file to sign.")],
    key: Annotated[
        Path, typer.Option("--key", "-k", metavar="FILE", help="Your private key.")
    ] = Path("publisher.pem"),
    publisher: Annotated[
        str, typer.Option(help="The publisher's name; the one in the key's .pub without it.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Leave FILE as it is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign a package: every byte of it, its name, its version and who you are."""
    signer = with_passphrase(lambda secret: keys.read_private(key, secret, publisher))
    written = signing.sign(package, signer, output)
    standing, found = signing.examine(written, TrustStore.of(Folders.default()))
    assert found is not None
    remember(found.sha256, Folders.default())
    said = found.manifest
    if as_json:
        described = {"name": said.name, "version": said.version, "file": str(written)}
        signed = {"public_key": signer.public, "publisher": signer.publisher}
        say_json(described | signed | {"sha256": found.sha256, "state": standing.state})
        return
    say(f"{said.name} {said.version} is signed by {signer.publisher}: {written}.", signer.public)


def verify(
    wanted: Annotated[
        str, typer.Argument(metavar="FILE|NAME", help="A .expert file, or an installed expert.")
    ],
    as_json: AsJson = False,
) -> None:
    """Say who vouches for a package: trusted, unknown key, unsigned, or INVALID (exit code 5)."""
    store = TrustStore.of(Folders.default())
    manifest: Manifest | None
    path = Path(wanted)
    if path.suffix == ".expert" or path.exists():
        standing, package = signing.examine(path, store)
        manifest = package.manifest if package is not None else None
        notes = [*package.warnings, *map(str, package.deviations)] if package is not None else []
    else:
        expert = opened_library().find(wanted)
        standing, manifest, notes = signing.examine_installed(expert, store), expert.manifest, []
    if standing.state == INVALID:
        raise IntegrityError(f"{wanted}: INVALID.", standing.sentence, "Do not use it.")
    if as_json:
        assert manifest is not None
        described = {"name": manifest.name, "version": manifest.version}
        who = {"public_key": standing.public_key, "publisher": standing.publisher}
        told = {"state": standing.state, "sentence": standing.sentence}
        say_json(described | told | who | {"notes": notes})
        return
    say(f"{wanted}: {standing.state}.", standing.sentence)
    if standing.public_key:
        say(standing.public_key)
    for note in notes:
        say(f"Note: {note}")


def with_passphrase(read: Callable[[str], T]) -> T:
    """Calls `read` with the passphrase it turns out to need: from the environment, or asked for.

    Raises:
        KeyFileError: there is nobody to ask, or it is wrong.
    """
    try:
        return read("")
    except keys.PassphraseNeededError as cause:
        secret = os.environ.get(PASSPHRASE_VARIABLE, "")
        if not secret and sys.stdin.isatty():
            secret = typer.prompt("Passphrase", hide_input=True, err=True)
        if not secret:
            raise KeyFileError(cause.what, "", f"Set {PASSPHRASE_VARIABLE} to it.") from cause
        return read(secret)


def _new_passphrase() -> str:
    secret = os.environ.get(PASSPHRASE_VARIABLE, "")
    if not secret and sys.stdin.isatty():
        secret = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    if not secret:
        raise KeyFileError("No passphrase was given.", "", f"Set {PASSPHRASE_VARIABLE} to it.")
    return secret


def _asked_for_name() -> str:
    if not sys.stdin.isatty():
        return ""
    return str(typer.prompt("Publisher's name", err=True)).strip()
