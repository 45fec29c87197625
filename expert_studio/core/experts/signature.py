"""Who vouches for a package: the bytes a signature covers, and whether it holds.

Signed are the SHA-256 of every member, of the manifest as written without `integrity`,
the rest of `integrity`, and name, version and publisher. Upstream's way, which hashed
its manifest before the signature stood in it, is tried as well (upstream-spec part 1.3).
Whether a key is trusted is `trust`'s business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, NoReturn

from expert_studio.core.errors import IntegrityError
from expert_studio.core.experts.keys import SigningKey, is_publisher, is_signed_by
from expert_studio.core.experts.manifest import MAX_MANIFEST_BYTES
from expert_studio.core.experts.package_file import SEAL_DOMAIN
from expert_studio.core.experts.untrusted_json import read_json_object

MANIFEST = "manifest.json"
SIGNATURE_FILE = "signature.sig"
FORM_KEY = "signed_form"
FORM = "expert-studio-1"
_DOMAIN = b"expert-studio-signature-1\n"
_UPSTREAM_KEYS = frozenset(
    {"created_at", "timestamp", "publisher", "pubkey", "public_key"}
    | {"signature_algorithm", "signature", "files"}
)
NOT_CHECKABLE = "upstream signature not checkable"


@dataclass(frozen=True, slots=True)
class Seal:
    """What stands in the gzip header of a package, and the digest it should cover."""

    signature: bytes | None = None  # 64 bytes, or None where there is none
    digest: bytes = b""  # SHA-256 of the file with the seal's bytes zero
    other_fields: bool = False  # the header holds something that is not a seal


NO_SEAL = Seal()


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that holds, or that there is none. One that does not hold is an error."""

    state: Literal["valid", "unsigned"] = "unsigned"
    public_key: str = ""  # ed25519:<64 hex>; "" when unsigned
    publisher: str = ""
    created_at: str = ""
    note: str = ""  # why an upstream signature counts as none


def signed_manifest(manifest: bytes, files: Mapping[str, str], key: SigningKey, at: str) -> bytes:
    """The manifest with a signature in it.

    Args:
        files: SHA-256 of every member but the manifest, by path.
        at: when it was signed, ISO 8601.
    """
    said = read_json_object(manifest, MAX_MANIFEST_BYTES)
    before = said.pop("integrity", None)
    kept = {k: v for k, v in before.items() if k[:1] == "_"} if isinstance(before, dict) else {}
    integrity: dict[str, Any] = kept | {
        "created_at": at,
        "publisher": key.publisher,
        "pubkey": key.public,
        "signature_algorithm": "ed25519",
        FORM_KEY: FORM,
        "files": dict(sorted(files.items())),
    }
    signature = key.sign(_message(said, integrity, files)).hex()
    return _written(said | {"integrity": integrity | {"signature": signature}})


def check(manifest: bytes, files: Mapping[str, str], seal: Seal = NO_SEAL) -> Signature:
    """Checks the signature a manifest states.

    Args:
        manifest: the member's bytes.
        files: SHA-256 of every member but the manifest, by path.

    Raises:
        IntegrityError: INVALID: there is a signature and it does not hold.
        UnreadableJsonError: the manifest is not readable JSON.
    """
    raw = read_json_object(manifest, MAX_MANIFEST_BYTES)
    said = raw.get("integrity")
    said = said if isinstance(said, dict) else {}
    if FORM_KEY in said:
        found = _checked(manifest, raw, said, files)
        _check_seal(raw, found, seal)
        return found
    strange = [k for k in said if k not in _UPSTREAM_KEYS and k[:1] != "_"]
    if seal.signature is not None or (said.get("signature") and strange):
        _invalid(raw, "Its manifest was changed after it was signed.")
    if not said.get("signature"):
        return Signature()
    return _checked_as_upstream(manifest, raw, said, files)


def _checked(
    manifest: bytes, raw: dict[str, Any], said: dict[str, Any], files: Mapping[str, str]
) -> Signature:
    signature, public = str(said.get("signature")), str(said.get("pubkey"))
    publisher = str(said.get("publisher"))
    listed = said.get("files")
    if said[FORM_KEY] != FORM or said.get("signature_algorithm") != "ed25519":
        _invalid(raw, "Its signature is of a kind that is not known here.")
    covered = {p: d for p, d in files.items() if p != SIGNATURE_FILE}
    if not isinstance(listed, dict) or set(listed) != set(covered):
        apart = sorted(set(listed if isinstance(listed, dict) else ()) ^ set(covered))
        _invalid(raw, f"Its signature does not cover exactly its files ({_named(apart)}).")
    changed = sorted(path for path, digest in covered.items() if listed[path] != digest)
    if changed:
        _invalid(raw, f"It was changed after it was signed ({_named(changed)}).")
    beside = files.get(SIGNATURE_FILE)
    if beside not in (None, *(sha256((signature + e).encode()).hexdigest() for e in ("", "\n"))):
        _invalid(raw, f"{SIGNATURE_FILE} is not the signature in its manifest.")
    unsigned = {k: v for k, v in raw.items() if k != "integrity"}
    rest = {k: v for k, v in said.items() if k != "signature"}
    right_place = manifest == _written(unsigned | {"integrity": rest | {"signature": signature}})
    if not right_place or not is_publisher(publisher):
        _invalid(raw, "Its manifest was written anew after it was signed.")
    if not is_signed_by(public, signature, _message(unsigned, rest, covered)):
        _invalid(raw, "Its signature does not fit its contents.")
    return Signature("valid", public, publisher, str(said.get("created_at") or ""))


def _check_seal(raw: dict[str, Any], found: Signature, seal: Seal) -> None:
    if seal.signature is None:
        if seal.other_fields:
            _invalid(raw, "The seal on its file was changed.")
        return
    if not is_signed_by(found.public_key, seal.signature.hex(), SEAL_DOMAIN + seal.digest):
        _invalid(raw, "The file was changed after it was sealed.")


def _checked_as_upstream(
    manifest: bytes, raw: dict[str, Any], said: dict[str, Any], files: Mapping[str, str]
) -> Signature:
    """Upstream signed `path:digest` lines, with the manifest's digest from before signing."""
    public = str(said.get("pubkey") or said.get("public_key") or "").lower()
    public = public if public.startswith("ed25519:") else f"ed25519:{public}"
    signature = str(said["signature"]).lower()
    covered = {p: d for p, d in files.items() if p != SIGNATURE_FILE}
    for before in _before_signing(manifest, raw):
        hashes = covered | {MANIFEST: sha256(before).hexdigest()}
        lines = "\n".join(f"{path}:{hashes[path]}" for path in sorted(hashes))
        if is_signed_by(public, signature, lines.encode("utf-8")):
            publisher = str(said.get("publisher") or "")
            created = str(said.get("created_at") or said.get("timestamp") or "")
            return Signature("valid", public, publisher, created)
    return Signature(note=NOT_CHECKABLE)


def _before_signing(manifest: bytes, raw: dict[str, Any]) -> Iterator[bytes]:
    """What upstream's manifest may have been: the same text with `"integrity": null`."""
    text = manifest.decode("utf-8-sig")
    for found in re.finditer(r'"integrity"\s*:\s*', text):
        try:
            value, end = json.JSONDecoder().raw_decode(text, found.end())
        except ValueError:
            continue
        if value == raw["integrity"]:
            yield (text[: found.end()] + "null" + text[end:]).encode("utf-8")
    plain = json.dumps(raw | {"integrity": None}, indent=2, ensure_ascii=False)
    yield plain.encode("utf-8")
    yield (plain + "\n").encode("utf-8")


def _message(
    unsigned: Mapping[str, Any], integrity: Mapping[str, Any], files: Mapping[str, str]
) -> bytes:
    said = {
        "name": unsigned.get("name"),
        "version": unsigned.get("version"),
        "publisher": integrity.get("publisher"),
        "manifest": sha256(_written(dict(unsigned))).hexdigest(),
        "integrity": dict(integrity),
        "files": dict(files),
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _DOMAIN + text.encode("utf-8")


def _written(said: dict[str, Any]) -> bytes:
    """As `manifest.write_manifest` puts JSON to bytes."""
    return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def _named(paths: list[str]) -> str:
    return ", ".join(ascii(path[:60]) for path in paths[:3]) or "none"


def _invalid(raw: Mapping[str, Any], why: str) -> NoReturn:
    name, version = str(raw.get("name"))[:80], str(raw.get("version"))[:40]
    raise IntegrityError(
        f"The signature of {name} {version} is INVALID.",
        why,
        "Do not use this package; get it again from its publisher.",
    )
