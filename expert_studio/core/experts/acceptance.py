"""Whether a package may come into the library: the person's policy, and what needs consent.

    unsigned     nobody signed it                      policy ask, always or never
    unknown-key  signed by a key nobody trusts yet
    other-key    the version it follows had another signer, or a signer at all
    older        a lower version than one that is installed (a rollback)

INVALID signatures, revoked and expired keys never come in. Knows nothing of how the
person is asked: what is missing is told by a `ConsentError`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from expert_studio.core import settings
from expert_studio.core.errors import ConsentError, IntegrityError
from expert_studio.core.experts.archive import Package
from expert_studio.core.experts.install_record import RECORD_FILE
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.made_here import made_here
from expert_studio.core.experts.requirement import parse_version
from expert_studio.core.experts.trust import Standing, TrustStore
from expert_studio.core.settings import Folders

Policy = Literal["ask", "always", "never"]
CONSENTS = ("unsigned", "unknown-key", "other-key", "older")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The person's trust, policy and consents, for one install."""

    store: TrustStore
    unsigned: Policy = "ask"
    consents: frozenset[str] = field(default_factory=frozenset)  # of CONSENTS
    own: frozenset[str] = field(default_factory=frozenset)  # SHA-256 of packages made here
    seen: str = ""  # SHA-256 of the package the consents were given for; "" is any

    @classmethod
    def of(cls, folders: Folders) -> Self:
        """The person's own trust, policy and packages, with no consent. Reads small files.

        Raises:
            SettingsError: the settings cannot be read.
        """
        policy = settings.load(folders).unsigned_packages
        return cls(TrustStore.of(folders), policy, own=made_here(folders))

    def check(self, package: Package, installed: Iterable[InstalledExpert]) -> Standing:
        """What the signature is worth, if the package may come in.

        Args:
            installed: the versions of this expert that are installed.

        Raises:
            IntegrityError: its key was revoked or has expired, or policy refuses it.
            ConsentError: it may come in once the person agrees; says to what.
        """
        standing, asked = self.weigh(package, installed)
        agreed = self.consents if self.seen in ("", package.sha256) else frozenset()
        missing = tuple(need for need in asked if need not in agreed)
        if missing:
            raise ConsentError(
                f"{package.manifest.name} {package.manifest.version} was not installed yet.",
                " ".join(asked[need] for need in missing),
                "If you agree, say so: " + " ".join(f"--allow-{need}" for need in missing),
                missing,
            )
        return standing

    def weigh(
        self, package: Package, installed: Iterable[InstalledExpert]
    ) -> tuple[Standing, dict[str, str]]:
        """What the signature is worth, and a sentence for each consent of CONSENTS it needs.

        Raises:
            IntegrityError: it may not come in whatever the person says.
        """
        standing = self.store.standing(package.signature)
        label = f"{package.manifest.name} {package.manifest.version}"
        if standing.state == "INVALID":
            raise IntegrityError(
                f"{label} was not installed: its signature is INVALID.",
                standing.sentence,
                "Get it again from its publisher.",
            )
        made_here = package.sha256 in self.own
        if standing.state == "unsigned" and self.unsigned == "never" and not made_here:
            raise IntegrityError(
                f"{label} was not installed.",
                f"{standing.sentence} Your settings refuse such packages.",
                "Get a signed one, or change the setting.",
            )
        return standing, dict(self._asked(package, standing, tuple(installed), made_here))

    def _asked(
        self,
        package: Package,
        standing: Standing,
        installed: tuple[InstalledExpert, ...],
        made_here: bool,
    ) -> Iterable[tuple[str, str]]:
        manifest = package.manifest
        if standing.state == "unsigned" and self.unsigned == "ask" and not made_here:
            yield "unsigned", standing.sentence
        if standing.state == "unknown key" and not made_here:
            yield "unknown-key", f"{standing.sentence} The key is {standing.public_key}."
        if not installed or any(e.version == manifest.version for e in installed):
            return  # nothing it follows; the same version again is another check's matter
        highest = max(installed, key=lambda e: parse_version(e.version))
        signer = recorded_signer(highest.folder)
        if signer and signer != standing.public_key:
            how = "another key" if standing.public_key else "none"
            said = f"{highest.name} {highest.version} was signed by {signer}, this one by {how}."
            yield "other-key", said
        if parse_version(manifest.version) < parse_version(highest.version):
            yield "older", f"{highest.version} is installed, and {manifest.version} is older."


def recorded_signer(folder: Path) -> str:
    """The key that signed an installed version, as noted when it came in; "" for none."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        return str(record.get("signed_by") or "")
    except (OSError, ValueError, AttributeError):
        return ""
