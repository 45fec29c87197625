"""Which publishers' keys the person trusts, and what that makes of a signature.

Kept in one small file, `trust.json`, written by one rename; keys that ship with the app
stand beside it. Knows nothing of packages or of how to ask the person.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, Self

from filelock import FileLock, Timeout

from expert_studio.core.errors import KeyFileError, StorageError
from expert_studio.core.experts.keys import is_public_key, is_publisher, read_public
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.experts.signature import Signature
from expert_studio.core.settings import Folders, resources_folder

State = Literal["trusted", "unknown key", "unsigned", "INVALID"]
TRUST_FILE = "trust.json"
_LOCK_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A publisher's key, trusted or taken back."""

    public_key: str  # ed25519:<64 hex>
    publisher: str
    added_at: str = ""  # ISO 8601; "" for those that ship with the app
    expires: str = ""  # the last day it may be used, 2027-12-31; "" is never
    revoked: str = ""  # why it was taken back; "" while it is trusted
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a package's signature is worth to this person."""

    state: State
    sentence: str
    public_key: str = ""
    publisher: str = ""


INVALID = "INVALID"


class TrustStore:
    """The keys in one file, and those that ship. Reading takes no lock, writing does."""

    def __init__(self, path: Path, shipped: Path | None = None) -> None:
        self.path = path
        self._shipped = shipped

    @classmethod
    def of(cls, folders: Folders) -> Self:
        """The person's own, with the keys that ship with the app."""
        return cls(folders.data / TRUST_FILE, resources_folder() / "trust")

    def keys(self) -> tuple[TrustedKey, ...]:
        """Every key that was ever added and not removed, by publisher.

        Raises:
            KeyFileError: the file is damaged: trusting nobody instead would hide a revocation.
        """
        found = {key.public_key: key for key in self._shipped_keys()}
        for key in self._read().values():
            known = found.get(key.public_key)
            found[key.public_key] = replace(key, shipped=known is not None)
        return tuple(sorted(found.values(), key=lambda k: (k.publisher.lower(), k.public_key)))

    def add(self, line: str, publisher: str = "", expires: str = "") -> TrustedKey:
        """Trusts a key, given as a `.pub` file's line; a publisher's name is needed somewhere.

        Raises:
            KeyFileError: it is no key, has no publisher, or was revoked before.
            StorageError: the list cannot be written.
        """
        public, stated = read_public(line)
        name = publisher or stated
        if not is_publisher(name):
            raise KeyFileError(
                "The key was not added.", "It does not say whose it is.", "Name the publisher."
            )
        _check_day(expires)
        with self._changing() as keys:
            if (known := keys.get(public)) is not None and known.revoked:
                raise KeyFileError(
                    "The key was not added.",
                    f"It was revoked: {known.revoked}",
                    f"To trust it all the same, remove it first: expert-cli trust remove {public}",
                )
            keys[public] = TrustedKey(public, name, _now(), expires)
        return keys[public]

    def remove(self, key_or_publisher: str) -> tuple[TrustedKey, ...]:
        """Forgets a key, or every key of a publisher; what it signed is then of an unknown key.

        Raises:
            KeyFileError: there is none, or it ships with the app (revoke it instead).
            StorageError: the list cannot be written.
        """
        with self._changing() as keys:
            gone = [k for k in keys.values() if key_or_publisher in (k.public_key, k.publisher)]
            for key in gone:
                del keys[key.public_key]
        if not gone:
            raise _no_such_key(key_or_publisher, self.keys())
        return tuple(gone)

    def revoke(self, key_or_publisher: str, reason: str) -> tuple[TrustedKey, ...]:
        """Takes trust back for good: what the key signed is INVALID from now on.

        A key that was never trusted can be revoked as well, by its digits.

        Raises:
            KeyFileError: there is no such key.
            StorageError: the list cannot be written.
        """
        why = reason.strip() or "No reason was given."
        wanted = [k for k in self.keys() if key_or_publisher in (k.public_key, k.publisher)]
        if not wanted:
            public, name = read_public(key_or_publisher)
            wanted = [TrustedKey(public, name or "unknown", _now())]
        with self._changing() as keys:
            for key in wanted:
                keys[key.public_key] = replace(key, revoked=why, shipped=False)
        return tuple(keys[key.public_key] for key in wanted)

    def standing(self, signature: Signature, today: date | None = None) -> Standing:
        """What a signature that holds (or none) is worth.

        Raises:
            KeyFileError: the list is damaged.
        """
        return self.standings((signature,), today)[0]

    def standings(
        self, signatures: Iterable[Signature], today: date | None = None
    ) -> tuple[Standing, ...]:
        """As `standing`, for many, with the list read once."""
        known = {key.public_key: key for key in self.keys()}
        return tuple(self._standing(signature, known, today) for signature in signatures)

    @staticmethod
    def _standing(
        signature: Signature, known: Mapping[str, TrustedKey], today: date | None
    ) -> Standing:
        if signature.state == "unsigned":
            note = f" ({signature.note})" if signature.note else ""
            return Standing("unsigned", f"Nobody vouches for it: it is not signed{note}.")
        public, name = signature.public_key, signature.publisher
        key = known.get(public)
        if key is None:
            said = f"It is intact and signed as {name}, with a key that is not trusted here."
            return Standing("unknown key", said, public, name)
        if key.revoked:
            return Standing("INVALID", f"Its key was revoked: {key.revoked}", public, name)
        if key.expires and (today or datetime.now(UTC).date()) > date.fromisoformat(key.expires):
            return Standing("INVALID", f"Its key expired on {key.expires}.", public, name)
        if key.publisher != name:
            said = f"It says it comes from {name}, but its key belongs to {key.publisher}."
            return Standing("INVALID", said, public, name)
        return Standing("trusted", f"It is intact and signed by {name}.", public, name)

    def _shipped_keys(self) -> list[TrustedKey]:
        files = sorted(self._shipped.glob("*.pub")) if self._shipped is not None else []
        pairs = [read_public(path.read_text(encoding="utf-8")) for path in files]
        return [TrustedKey(public, name, shipped=True) for public, name in pairs]

    def _read(self) -> dict[str, TrustedKey]:
        try:
            stored: Any = json.loads(self.path.read_text(encoding="utf-8"))
            keys = [_key_from(entry) for entry in stored["keys"]]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise KeyFileError(
                f"The list of trusted keys in {self.path} cannot be read.",
                f"{cause}.",
                "Mend the file, or delete it and add the keys you trust again.",
            ) from cause
        return {key.public_key: key for key in keys}

    def _changing(self) -> _Change:
        return _Change(self)

    def _write(self, keys: Mapping[str, TrustedKey]) -> None:
        said = {"keys": [asdict(keys[public]) for public in sorted(keys)]}
        try:
            write_by_rename(self.path, (json.dumps(said, indent=2) + "\n").encode("utf-8"))
        except OSError as cause:
            raise StorageError(
                "The list of trusted keys could not be written.",
                f"{cause.strerror or cause}.",
                f"Free some space, or allow writing to {self.path.parent}.",
            ) from cause


class _Change:
    """The keys, to be changed in place; written at the end unless something was raised."""

    def __init__(self, store: TrustStore) -> None:
        self._store = store
        self._lock = FileLock(store.path.with_name(TRUST_FILE + ".lock"), thread_local=False)
        self._keys: dict[str, TrustedKey] = {}

    def __enter__(self) -> dict[str, TrustedKey]:
        try:
            self._store.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=_LOCK_WAIT_S)
        except (OSError, Timeout) as cause:
            raise StorageError(
                "The list of trusted keys cannot be changed.",
                f"{cause}.",
                "Wait until the other Expert Studio is done, then try again.",
            ) from cause
        try:
            self._keys = self._store._read()
        except BaseException:
            self._lock.release()
            raise
        return self._keys

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._store._write(self._keys)
        finally:
            self._lock.release()


def _key_from(entry: dict[str, Any]) -> TrustedKey:
    key = TrustedKey(**entry)
    if not is_public_key(key.public_key) or not all(
        isinstance(text, str) for text in (key.publisher, key.added_at, key.expires, key.revoked)
    ):
        raise ValueError(f"{entry!r} is no key")
    _check_day(key.expires)
    return key


def _check_day(text: str) -> None:
    if text:
        try:
            date.fromisoformat(text)
        except ValueError as cause:
            raise KeyFileError(
                "That is not a day.", f"{text[:40]!r} was given.", "Write it as 2027-12-31."
            ) from cause


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _no_such_key(wanted: str, keys: tuple[TrustedKey, ...]) -> KeyFileError:
    if any(k.shipped and wanted in (k.public_key, k.publisher) for k in keys):
        return KeyFileError(
            "The key was not removed.",
            "It ships with the app.",
            f"Revoke it: trust revoke {wanted}",
        )
    return KeyFileError(
        f"No key or publisher {wanted[:90]!r} is in the list.", "", "See: expert-cli trust list"
    )
