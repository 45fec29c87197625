"""Signing the experts that ship with the app, as the publisher "Expert Studio".

    sign_official(experts_folder)    # every experts/<name>/<name>.expert, once they are built

The private half is made for one build and forgotten with it, or lies where the maker says,
outside the checkout; only the public half, `resources/trust/expert-studio.pub`, is committed,
with the packages it vouches for. `trust.TrustStore` trusts what lies in that folder. Knows
nothing of how experts are trained.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from expert_studio.core.errors import KeyFileError, UsageError
from expert_studio.core.experts.archive import inspect
from expert_studio.core.experts.keys import SigningKey, generate, read_private
from expert_studio.core.experts.library import storage_error
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.experts.signing import sign
from expert_studio.core.settings import resources_folder

OFFICIAL_PUBLISHER = "Expert Studio"
PUBLIC_FILE = "expert-studio.pub"


@dataclass(frozen=True, slots=True)
class OfficialSigning:
    """What was signed, and the key that ships for it."""

    public_key: str  # ed25519:<64 hex>
    public_file: Path
    packages: tuple[Path, ...]


def sign_official(
    experts_folder: Path,
    private_key: Path | None = None,
    trust_folder: Path | None = None,
    at: str | None = None,
) -> OfficialSigning:
    """Signs every `<experts_folder>/*/*.expert` with one key, and ships its public half.

    All of them are signed anew, since an earlier build's key is replaced. Packages and their
    sidecars are exchanged by rename, the public half last.

    Args:
        private_key: the key to sign with, made there if there is none yet. Without it a key is
            made for this build alone and never written where it stays.
        trust_folder: where the public half goes; `resources/trust` if not given.
        at: when they are signed, ISO 8601; now if not given.

    Raises:
        UsageError: there are no packages, or the key would lie in the checkout.
        ExpertError: a package is damaged, or something cannot be written.
    """
    packages = tuple(sorted(experts_folder.glob("*/*.expert")))
    if not packages:
        raise UsageError(f"There is no .expert file in {experts_folder}.", "", "Build them first.")
    target = (trust_folder or resources_folder() / "trust") / PUBLIC_FILE
    with tempfile.TemporaryDirectory(prefix="expert-official-") as scratch:
        key = _key(private_key or Path(scratch) / "build.pem")
        signed = [sign(p, key, Path(scratch) / p.parent.name / p.name, at) for p in packages]
        try:
            for package, new in zip(packages, signed, strict=True):
                for name in (package.name, f"{package.name}.sha256"):
                    write_by_rename(package.with_name(name), new.with_name(name).read_bytes())
            target.parent.mkdir(parents=True, exist_ok=True)
            write_by_rename(target, f"{key.public} {key.publisher}\n".encode())
        except OSError as cause:
            what = "The official experts could not be signed."
            raise storage_error(what, cause, experts_folder) from cause
    for package in packages:
        assert inspect(package).signature.public_key == key.public
    return OfficialSigning(key.public, target, packages)


def _key(path: Path) -> SigningKey:
    checkout = resources_folder().parent.resolve()
    inside = path.resolve().is_relative_to(checkout)
    if inside and not path.resolve().is_relative_to(checkout / ".scratch"):
        raise UsageError(
            "The official key was not used.",
            f"{path} lies in the checkout, where it could be committed.",
            "Keep it elsewhere.",
        )
    if not path.exists():
        return generate(path, OFFICIAL_PUBLISHER)
    key = read_private(path, publisher=OFFICIAL_PUBLISHER)
    if key.publisher != OFFICIAL_PUBLISHER:
        raise KeyFileError("The official key was not used.", f"It is {key.publisher}'s.")
    return key
