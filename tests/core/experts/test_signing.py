"""Who vouches for a package: one changed byte anywhere is caught, and nothing INVALID comes in."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expert_studio.core.errors import (
    ConsentError,
    ExpertError,
    IntegrityError,
    KeyFileError,
    LibraryError,
)
from expert_studio.core.experts import archive, install, keys, signing
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.package_file import archive_bytes
from expert_studio.core.experts.signature import NOT_CHECKABLE, check
from expert_studio.core.experts.trust import TrustStore
from tests.core.experts.hostile import files_of, member, tree, write_tar
from tests.expert_factory import expert_file, installed_expert

AT = "2026-11-21T12:00:00Z"


@pytest.fixture
def key(tmp_path: Path) -> keys.SigningKey:
    return keys.generate(tmp_path / "keys" / "publisher.pem", "Studio Nord")


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(tmp_path / "trust.json")


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def signed(tmp_path: Path, key: keys.SigningKey) -> Path:
    return signing.sign(expert_file(tmp_path / "sound"), key, at=AT)


# --- the four states ----------------------------------------------------------------------


def test_a_signed_package_is_trusted_once_its_key_is(
    signed: Path, key: keys.SigningKey, store: TrustStore
) -> None:
    found = archive.inspect(signed)
    assert found.warnings == found.deviations == ()
    assert (found.signature.state, found.signature.publisher) == ("valid", "Studio Nord")
    assert signing.examine(signed, store)[0].state == "unknown key"
    store.add(f"{key.public} Studio Nord")
    assert signing.examine(signed, store)[0].state == "trusted"
    assert TrustStore(store.path).standing(found.signature).state == "trusted"
    unsigned = expert_file(signed.parent, "other")
    assert signing.examine(unsigned, store)[0].state == "unsigned"
    signed.with_name(signed.name + ".sha256").unlink()
    changed = bytearray(signed.read_bytes())
    changed[30] ^= 1
    signed.write_bytes(changed)
    standing, package = signing.examine(signed, store)
    assert (standing.state, package) == ("INVALID", None)


def test_signing_again_at_the_same_time_gives_the_same_bytes(
    signed: Path, key: keys.SigningKey, tmp_path: Path
) -> None:
    again = signing.sign(signed, key, tmp_path / "again.expert", at=AT)
    assert again.read_bytes() == signed.read_bytes()
    digest = sha256(again.read_bytes()).hexdigest()
    assert again.with_name("again.expert.sha256").read_text() == f"{digest}  again.expert\n"


def test_a_revoked_an_expired_and_a_borrowed_key_are_invalid(
    signed: Path, key: keys.SigningKey, store: TrustStore, shelf: Library
) -> None:
    signature = archive.inspect(signed).signature
    store.add(key.public, "Studio Nord", expires="2026-11-20")
    assert "expired on 2026-11-20" in store.standing(signature, date(2026, 11, 21)).sentence
    assert store.standing(signature, date(2026, 11, 20)).state == "trusted"
    store.add(key.public, "Somebody Else")
    assert "belongs to Somebody Else" in store.standing(signature).sentence
    store.revoke(key.public, "It was lost.")
    standing = store.standing(signature)
    assert (standing.state, standing.sentence) == ("INVALID", "Its key was revoked: It was lost.")
    with pytest.raises(IntegrityError, match="It was lost"):
        install.install(signed, shelf, acceptance=Acceptance(store, "always"))
    with pytest.raises(KeyFileError, match="It was revoked"):
        store.add(key.public, "Studio Nord")
    assert tree(shelf.root) == {}
    store.remove(key.public)
    assert store.standing(signature).state == "unknown key"


def test_an_unknown_key_can_be_revoked_before_it_is_ever_met(
    key: keys.SigningKey, store: TrustStore, signed: Path
) -> None:
    store.revoke(key.public, "Seen in the wild.")
    assert store.standing(archive.inspect(signed).signature).state == "INVALID"


def test_keys_that_ship_are_trusted_and_can_only_be_revoked(
    tmp_path: Path, key: keys.SigningKey, signed: Path
) -> None:
    shipped = tmp_path / "keys"  # the key's .pub lies there
    store = TrustStore(tmp_path / "trust.json", shipped)
    signature = archive.inspect(signed).signature
    assert store.standing(signature).state == "trusted"
    with pytest.raises(KeyFileError, match="ships with the app"):
        store.remove("Studio Nord")
    store.revoke("Studio Nord", "Stolen.")
    assert store.standing(signature).state == "INVALID"


@pytest.mark.parametrize("text", ["{", "[]", '{"keys": [{"public_key": "x"}]}', '{"keys": 3}'])
def test_a_damaged_list_of_keys_is_told_and_never_taken_for_an_empty_one(
    store: TrustStore, signed: Path, text: str
) -> None:
    store.path.write_text(text)
    with pytest.raises(KeyFileError, match="cannot be read"):
        store.standing(archive.inspect(signed).signature)


# --- one changed byte anywhere ------------------------------------------------------------


def _flipped(data: bytes, at: int, by: int) -> bytes:
    changed = bytearray(data)
    changed[at % len(changed)] ^= by
    return bytes(changed)


FLIP = {"suppress_health_check": [HealthCheck.function_scoped_fixture], "deadline": None}
PLACES = (st.integers(0, 1 << 30), st.integers(1, 255))


def _flip_in_the_file(signed: Path, at: int, by: int) -> None:
    path = signed.with_name("flipped.expert")  # no sidecar lies beside it
    path.write_bytes(_flipped(signed.read_bytes(), at, by))
    with pytest.raises(ExpertError):
        archive.inspect(path)


def _flip_in_a_member(signed: Path, name: str, at: int, by: int) -> None:
    """Packed anew around the changed member, as someone without the key would."""
    files = files_of(signed)
    files[name] = _flipped(files[name], at, by)
    path = signed.with_name("flipped.expert")
    path.write_bytes(archive_bytes(files))
    try:
        found = archive.inspect(path).signature
    except ExpertError:
        return
    # Who breaks the word "integrity" itself strips the signature: nobody vouches then.
    assert found.state == "unsigned"
    assert name == "manifest.json"
    assert b'"integrity": {' not in files[name]


@settings(max_examples=150, **FLIP)
@given(*PLACES)
def test_any_changed_byte_of_the_file_is_caught(signed: Path, at: int, by: int) -> None:
    _flip_in_the_file(signed, at, by)


@settings(max_examples=100, **FLIP)
@given(st.sampled_from(["manifest.json", "adapter_config.json", "README.md"]), *PLACES)
def test_any_changed_byte_of_a_member_is_caught(signed: Path, name: str, at: int, by: int) -> None:
    _flip_in_a_member(signed, name, at, by)


@pytest.mark.long
@settings(max_examples=25_000, **FLIP)
@given(*PLACES)
def test_any_changed_byte_of_the_file_is_caught_25_000_times(
    signed: Path, at: int, by: int
) -> None:
    _flip_in_the_file(signed, at, by)


@pytest.mark.long
@settings(max_examples=25_000, **FLIP)
@given(st.sampled_from(["manifest.json", "adapter_config.json", "README.md"]), *PLACES)
def test_any_changed_byte_of_a_member_is_caught_25_000_times(
    signed: Path, name: str, at: int, by: int
) -> None:
    _flip_in_a_member(signed, name, at, by)


def test_every_byte_of_the_header_of_the_file_is_caught(signed: Path) -> None:
    for at in range(90):
        for bit in range(8):
            _flip_in_the_file(signed, at, 1 << bit)


def _resaid(signed: Path, change: Callable[[dict[str, Any]], object]) -> bytes:
    files = files_of(signed)
    said = json.loads(files["manifest.json"])
    change(said)
    text = json.dumps(said, indent=2, ensure_ascii=False) + "\n"
    return archive_bytes(files | {"manifest.json": text.encode()})


TAMPERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "name": lambda m: m.update(name="json-parsers"),
    "version": lambda m: m.update(version="9.0.0"),
    "publisher": lambda m: m["integrity"].update(publisher="Studio Süd"),
    "date": lambda m: m["integrity"].update(created_at="2020-01-01T00:00:00Z"),
    "unknown key": lambda m: m.update(note="added"),
    "order of keys": lambda m: m.update(name=m.pop("name")),
    "algorithm": lambda m: m["integrity"].update(signature_algorithm="none"),
    "form": lambda m: m["integrity"].update(signed_form="expert-studio-0"),
    "no signature": lambda m: m["integrity"].pop("signature"),
    "signature in capitals": lambda m: m["integrity"].update(
        signature=m["integrity"]["signature"].upper()
    ),
    "another key": lambda m: m["integrity"].update(
        pubkey="ed25519:" + Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    ),
    "a file left out": lambda m: m["integrity"]["files"].pop("README.md"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_is_said_otherwise_is_invalid(signed: Path, shelf: Library, what: str) -> None:
    path = signed.with_name("tampered.expert")
    path.write_bytes(_resaid(signed, TAMPERED[what]))
    with pytest.raises(IntegrityError, match="INVALID"):
        archive.inspect(path)
    with pytest.raises(IntegrityError):
        install.install(path, shelf)
    assert tree(shelf.root) == {}


def test_a_signature_taken_for_upstream_s_vouches_for_nothing(signed: Path) -> None:
    path = signed.with_name("stripped.expert")
    path.write_bytes(_resaid(signed, lambda m: m["integrity"].pop("signed_form")))
    assert archive.inspect(path).signature.note == NOT_CHECKABLE


def test_extra_missing_and_exchanged_files_are_invalid(
    signed: Path, tmp_path: Path, key: keys.SigningKey
) -> None:
    files = files_of(signed)
    other = files_of(signing.sign(expert_file(tmp_path, "english", seed=3), key, at=AT))
    for changed in (
        files | {"more.txt": b"x"},
        {name: data for name, data in files.items() if name != "README.md"},
        files | {"manifest.json": other["manifest.json"]},  # valid, but another package's
        files | {"signature.sig": b"00"},
    ):
        path = tmp_path / "changed.expert"
        path.write_bytes(archive_bytes(changed))
        with pytest.raises(IntegrityError):
            archive.inspect(path)
    beside = json.loads(files["manifest.json"])["integrity"]["signature"]
    path.write_bytes(archive_bytes(files | {"signature.sig": beside.encode()}))
    assert archive.inspect(path).signature.state == "valid"


def test_a_seal_moved_to_another_package_is_invalid(signed: Path, tmp_path: Path) -> None:
    unsigned = expert_file(tmp_path, "plain").read_bytes()
    seal = signed.read_bytes()[:80]
    path = tmp_path / "moved.expert"
    path.write_bytes(seal + unsigned[10:])
    with pytest.raises(IntegrityError, match="INVALID"):
        archive.inspect(path)


def test_repacked_without_its_seal_the_signature_still_holds(signed: Path, tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.expert", [member(n, d) for n, d in files_of(signed).items()])
    assert archive.inspect(path).signature.state == "valid"


# --- upstream's signatures ----------------------------------------------------------------


def _as_upstream(tmp_path: Path, well_made: bool, changed: str = "") -> Path:
    """Signed as upstream's `sign.rs` does: the manifest's digest is from before signing."""
    files = files_of(expert_file(tmp_path, "json-parser"))
    said = json.loads(files["manifest.json"])
    said["integrity"] = None
    before = json.dumps(said, indent=2).encode()
    hashes = {n: sha256(d).hexdigest() for n, d in files.items() if n != "manifest.json"}
    signed_hashes = hashes | {"manifest.json": sha256(before if well_made else b"?").hexdigest()}
    private = Ed25519PrivateKey.generate()
    lines = "\n".join(f"{path}:{signed_hashes[path]}" for path in sorted(signed_hashes))
    said["integrity"] = {
        "created_at": AT,
        "publisher": "hivellm",
        "pubkey": "ed25519:" + private.public_key().public_bytes_raw().hex(),
        "signature_algorithm": "ed25519",
        "signature": private.sign(lines.encode()).hex(),
        "files": hashes,
    }
    said["base_models"][0]["adapters"][0]["sha256"] = ""
    files["signature.sig"] = said["integrity"]["signature"].encode()
    files["manifest.json"] = json.dumps(said, indent=2).encode()
    if well_made:  # what was hashed has to be what stands there now, but for the block
        plain = dict(said, integrity=None)
        hashed = json.dumps(plain, indent=2).encode()
        all_hashes = hashes | {"manifest.json": sha256(hashed).hexdigest()}
        lines = "\n".join(f"{path}:{all_hashes[path]}" for path in sorted(all_hashes))
        said["integrity"]["signature"] = private.sign(lines.encode()).hex()
        files["signature.sig"] = said["integrity"]["signature"].encode()
        files["manifest.json"] = json.dumps(said, indent=2).encode()
    if changed:
        files[changed] += b" "
    return write_tar(tmp_path / "up.expert", [member(n, d) for n, d in files.items()])


def test_an_upstream_signature_is_checked_where_it_can_be(
    tmp_path: Path, store: TrustStore
) -> None:
    found = archive.inspect(_as_upstream(tmp_path / "a", well_made=True)).signature
    assert (found.state, found.publisher) == ("valid", "hivellm")
    path = _as_upstream(tmp_path / "b", well_made=False)
    found = archive.inspect(path).signature
    assert (found.state, found.note) == ("unsigned", NOT_CHECKABLE)
    assert NOT_CHECKABLE in signing.examine(path, store)[0].sentence
    path = _as_upstream(tmp_path / "c", well_made=False, changed="README.md")
    assert signing.examine(path, store)[0].state == "INVALID"


# --- policy, consent, rollback -------------------------------------------------------------


def test_the_policy_decides_about_unsigned_packages(
    tmp_path: Path, store: TrustStore, shelf: Library
) -> None:
    file = expert_file(tmp_path)
    with pytest.raises(ConsentError, match="--allow-unsigned") as asked:
        install.install(file, shelf, acceptance=Acceptance(store))
    assert asked.value.needed == ("unsigned",)
    never = Acceptance(store, "never", frozenset({"unsigned"}))
    with pytest.raises(IntegrityError, match="Your settings refuse"):
        install.install(file, shelf, acceptance=never)
    assert tree(shelf.root) == {}
    own = Acceptance(store, own=frozenset({archive.inspect(file).sha256}))
    done = install.install(file, shelf, acceptance=own)
    assert "Nobody vouches for it" in done.warnings[0]
    again = Acceptance(store, consents=frozenset({"unsigned"}))
    assert "already installed" in " ".join(install.install(file, shelf, acceptance=again).warnings)
    always = Acceptance(store, "always")
    assert install.install(expert_file(tmp_path, "other"), shelf, acceptance=always)


def test_an_unknown_key_a_change_of_signer_and_a_rollback_need_consent(
    tmp_path: Path, store: TrustStore, shelf: Library, key: keys.SigningKey
) -> None:
    def package(version: str, signer: keys.SigningKey | None) -> Path:
        file = expert_file(tmp_path / version, version=version)
        return file if signer is None else signing.sign(file, signer)

    with pytest.raises(ConsentError, match="not trusted here"):
        install.install(package("2.0.0", key), shelf, acceptance=Acceptance(store))
    store.add(f"{key.public} {key.publisher}")
    install.install(package("2.0.0", key), shelf, acceptance=Acceptance(store))
    install.install(package("2.1.0", key), shelf, acceptance=Acceptance(store))
    other = keys.generate(tmp_path / "other.pem", "Studio Ost")
    store.add(f"{other.public} Studio Ost")
    cases = [
        (package("3.0.0", other), {"other-key"}),
        (package("3.0.1", None), {"unsigned", "other-key"}),
        (package("1.9.0", key), {"older"}),
    ]
    before = tree(shelf.root)
    for file, needed in cases:
        with pytest.raises(ConsentError) as asked:
            install.install(file, shelf, acceptance=Acceptance(store))
        assert set(asked.value.needed) == needed
        assert tree(shelf.root) == before
    agreed = Acceptance(store, consents=frozenset({"older"}))
    install.install(cases[2][0], shelf, acceptance=agreed)
    assert shelf.find("json-parser").version == "2.1.0"


# --- installed versions and loose folders ---------------------------------------------------


def test_an_installed_version_is_checked_file_by_file(
    signed: Path, shelf: Library, store: TrustStore
) -> None:
    expert = install.install(signed, shelf).expert
    assert signing.examine_installed(expert, store).state == "unknown key"
    assert signing.examine_installed(installed_expert(shelf, "plain"), store).state == "unsigned"
    (expert.folder / "README.md").write_text("other")
    assert signing.examine_installed(expert, store).state == "INVALID"


def test_a_signed_folder_installs_as_signed_and_a_changed_one_not_at_all(
    signed: Path, tmp_path: Path, shelf: Library
) -> None:
    folder = tmp_path / "source"
    archive.unpack(signed, folder)
    (folder / "recipe.toml").write_text("# no part of the package")
    expert = install.install(folder, shelf).expert
    assert signing.folder_signature(expert.folder).state == "valid"
    (folder / "README.md").write_text("other")
    with pytest.raises(IntegrityError, match="INVALID"):
        install.install(folder, Library(tmp_path / "second"))
    packed = archive.build(folder, tmp_path / "mine.expert")  # its maker may pack it anew
    found = archive.inspect(packed)
    assert found.signature.state == "unsigned"
    assert found.manifest.integrity is not None
    assert found.manifest.integrity.signature is None
    assert found.manifest.integrity.publisher == "Studio Nord"


def test_a_folder_as_upstream_signs_it_is_held_to_the_hashes_it_lists(
    tmp_path: Path, shelf: Library
) -> None:
    folder = tmp_path / "source"
    archive.unpack(_as_upstream(tmp_path / "x", well_made=False), folder)
    (folder / "README.md").write_text("other")
    with pytest.raises(IntegrityError, match="INVALID"):
        install.install(folder, shelf)
    assert tree(shelf.root) == {}


def test_what_is_damaged_is_not_signed(signed: Path, key: keys.SigningKey) -> None:
    before = signed.read_bytes()
    signed.write_bytes(before[:-100])
    with pytest.raises(ExpertError):
        signing.sign(signed, key)
    assert signed.read_bytes() == before[:-100]


def test_another_package_of_a_signed_version_is_refused(
    tmp_path: Path, signed: Path, shelf: Library, key: keys.SigningKey
) -> None:
    install.install(signed, shelf)
    other = signing.sign(expert_file(tmp_path, seed=9), key, at=AT)
    with pytest.raises(LibraryError, match="Another package of the same name"):
        install.install(other, shelf)


# --- keys ----------------------------------------------------------------------------------


def test_a_private_key_is_its_owner_s_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "publisher.pem"
    key = keys.generate(path, "Studio Nord")
    assert keys.read_private(path).public == key.public
    assert path.with_name("publisher.pem.pub").read_text() == f"{key.public} Studio Nord\n"
    assert "PRIVATE" not in repr(key)
    with pytest.raises(KeyFileError, match="there already"):
        keys.generate(path, "Studio Nord")
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        with pytest.raises(KeyFileError, match="chmod 600"):
            keys.read_private(path)


def test_a_passphrase_is_needed_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    public = keys.generate(path, "Studio Nord", "secret words").public
    assert b"ENCRYPTED" in path.read_bytes()
    with pytest.raises(keys.PassphraseNeededError):
        keys.read_private(path)
    with pytest.raises(KeyFileError, match="passphrase is wrong"):
        keys.read_private(path, "other words")
    assert keys.read_private(path, "secret words").public == public


def test_upstream_s_raw_key_is_read_and_other_files_are_not(tmp_path: Path) -> None:
    path = tmp_path / "publisher.pem"
    for data in (b"", b"x" * 31, b"-----BEGIN PRIVATE KEY-----\n", os.urandom(900)):
        path.write_bytes(data)
        path.chmod(0o600)
        with pytest.raises(KeyFileError):
            keys.read_private(path, publisher="x")
    private = Ed25519PrivateKey.generate()
    path.write_bytes(private.private_bytes_raw())
    key = keys.read_private(path, publisher="hivellm")
    assert key.public.endswith(private.public_key().public_bytes_raw().hex())
    with pytest.raises(KeyFileError, match="no publisher"):
        keys.read_private(path)


@given(st.text(max_size=200))
def test_any_text_is_a_public_key_or_a_sentence(text: str) -> None:
    try:
        public, _ = keys.read_public(text)
    except KeyFileError:
        return
    assert keys.is_public_key(public)


@given(st.dictionaries(st.text(max_size=12), st.none() | st.text() | st.integers() | st.booleans()))
def test_any_integrity_is_unsigned_or_invalid(integrity: dict[str, Any]) -> None:
    manifest = json.dumps({"name": "x", "version": "1.0.0", "integrity": integrity}).encode()
    with contextlib.suppress(IntegrityError):
        assert check(manifest, {}).state == "unsigned"
