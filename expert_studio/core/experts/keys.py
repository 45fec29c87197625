"""Ed25519 keys of publishers: made, kept and read.

A private key is a PKCS #8 PEM file that only its owner may read, encrypted if a
passphrase is given; upstream's 32 raw bytes are read too. A public key is one line,
`ed25519:<64 hexadecimal digits> <publisher>`, in `<private>.pub`. Knows nothing of packages.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from expert_studio.core.errors import KeyFileError, StorageError

if TYPE_CHECKING:  # a twentieth of a second that the window's first paint need not wait for
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = "ed25519:"
MAX_PUBLISHER_CHARACTERS = 80
_PUBLIC = re.compile(r"ed25519:[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_MAX_KEY_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory. Never shown: `repr` tells its public half alone."""

    public: str  # ed25519:<64 hex>
    publisher: str
    _private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.public}, {self.publisher!r})"

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._private.sign(message)


def is_public_key(text: str) -> bool:
    """Whether the text is a public key as manifests write it, in lower case."""
    return _PUBLIC.fullmatch(text) is not None


def is_publisher(text: str) -> bool:
    """Whether the text can name a publisher: printable, not blank, at most 80 characters."""
    fits = 0 < len(text) <= MAX_PUBLISHER_CHARACTERS
    return fits and text.isprintable() and text == text.strip()


def is_signed_by(public: str, signature_hex: str, message: bytes) -> bool:
    """Whether this key made this signature over the message; a malformed one is simply false."""
    if not is_public_key(public) or not _SIGNATURE.fullmatch(signature_hex):
        return False
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public.removeprefix(PREFIX)))
        key.verify(bytes.fromhex(signature_hex), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def generate(path: Path, publisher: str, passphrase: str = "") -> SigningKey:
    """Makes a key pair: `path`, readable by its owner alone, and `<path>.pub`.

    Raises:
        KeyFileError: a file of that name is there already, or the publisher cannot be a name.
        StorageError: it cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    _check_publisher(publisher)
    private = Ed25519PrivateKey.generate()
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        how = serialization.BestAvailableEncryption(passphrase.encode("utf-8"))
    data = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    key = SigningKey(_public_text(private), publisher, private)
    public_file = _public_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if public_file.exists():
            raise FileExistsError(public_file)
        _write_new(path, data, 0o600)
        _write_new(public_file, f"{key.public} {publisher}\n".encode(), 0o644)
    except FileExistsError as cause:
        raise KeyFileError(
            f"No key was made: {path} is there already.",
            "A key that was overwritten could never sign again.",
            "Give another file name.",
        ) from cause
    except OSError as cause:
        raise StorageError(
            "The key could not be written.",
            f"{cause.strerror or cause}.",
            f"Allow writing to {path.parent}.",
        ) from cause
    return key


def read_private(path: Path, passphrase: str = "", publisher: str = "") -> SigningKey:
    """Reads a private key; the publisher is the one given, else the one in `<path>.pub`.

    Raises:
        PassphraseNeededError: the key is encrypted and no passphrase was given.
        KeyFileError: it cannot be read, others may read it, or the passphrase is wrong.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = _private_bytes(path)
    try:
        if len(data) == 32:  # upstream's publisher.pem
            private = Ed25519PrivateKey.from_private_bytes(data)
        else:
            loaded = serialization.load_pem_private_key(
                data, passphrase.encode("utf-8") if passphrase else None
            )
            if not isinstance(loaded, Ed25519PrivateKey):
                raise _unreadable(path, "It is a key of another kind; Ed25519 is needed.")
            private = loaded
    except TypeError as cause:  # cryptography's word for "a passphrase is missing" or "too many"
        if passphrase:
            raise _unreadable(path, "It has no passphrase, but one was given.") from cause
        raise PassphraseNeededError(
            f"{path.name} is protected by a passphrase.", "", "Give the passphrase."
        ) from cause
    except (ValueError, UnsupportedAlgorithm) as cause:
        why = "The passphrase is wrong." if passphrase else "It is not an Ed25519 private key."
        raise _unreadable(path, why) from cause
    public = _public_text(private)
    name = publisher or _publisher_beside(path, public)
    _check_publisher(name)
    return SigningKey(public, name, private)


class PassphraseNeededError(KeyFileError):
    """The private key is encrypted."""


def read_public(text: str) -> tuple[str, str]:
    """Public key and publisher of one line such as a `.pub` file holds; the latter may be "".

    Raises:
        KeyFileError: it is no public key.
    """
    first, _, publisher = text.strip().partition(" ")
    public = first if first.startswith(PREFIX) else PREFIX + first
    publisher = publisher.strip()
    if not is_public_key(public.lower()) or (publisher and not is_publisher(publisher)):
        raise KeyFileError(
            "This is not a public key.",
            f"A public key looks like {PREFIX}, then 64 hexadecimal digits.",
            "Ask the publisher for the .pub file.",
        )
    return public.lower(), publisher


def _private_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            data = stream.read(_MAX_KEY_BYTES)
    except OSError as cause:
        raise _unreadable(path, f"{cause.strerror or cause}.") from cause
    if os.name != "nt" and mode & 0o077:
        raise KeyFileError(
            f"{path} was not used.",
            "Other people on this computer can read this private key.",
            f"Take that away with: chmod 600 {path}",
        )
    return data


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _publisher_beside(path: Path, public: str) -> str:
    try:
        stated, publisher = read_public(_public_file(path).read_text(encoding="utf-8")[:1000])
    except (OSError, ValueError, KeyFileError):
        return ""
    return publisher if stated == public else ""


def _public_file(path: Path) -> Path:
    return path.with_name(path.name + ".pub")


def _public_text(private: Ed25519PrivateKey) -> str:
    return PREFIX + private.public_key().public_bytes_raw().hex()


def _check_publisher(name: str) -> None:
    if not is_publisher(name):
        raise KeyFileError(
            "The key has no publisher's name.",
            f"A name has 1 to {MAX_PUBLISHER_CHARACTERS} printable characters.",
            "Give one with --publisher.",
        )


def _unreadable(path: Path, why: str) -> KeyFileError:
    return KeyFileError(f"The key in {path} cannot be used.", why, "Check the file.")
