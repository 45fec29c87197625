"""The hostile list, items 1 to 44 (peers.md part 5), each through a real install.

Refused with the right sentence; nothing outside the staging folder at any time, that folder
gone afterwards, the library as it was.
"""

from __future__ import annotations

import gzip
import json
import shutil
import struct
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.errors import (
    ArchiveError,
    CompatibilityError,
    ConsentError,
    DependencyError,
    ExpertError,
    IntegrityError,
    ManifestError,
)
from expert_studio.core.experts import archive, dependencies, install, keys, signing, staging
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.package_file import archive_bytes
from expert_studio.core.experts.trust import TrustStore
from expert_studio.core.settings import resources_folder
from tests.core.experts.hostile import (
    files_of,
    member,
    repacked,
    safetensors_bytes,
    tree,
    write_tar,
)
from tests.expert_factory import BASE_NAME, base_sha256, expert_file, installed_expert

BASE_FOLDER = resources_folder() / "base"
Refusal = tuple[type[ExpertError], str]


@dataclass(frozen=True)
class Bench:
    """What a case works with: a sound package, where to write the bad one, keys."""

    sound: Path
    bad: Path
    key: keys.SigningKey
    store: TrustStore
    library: Library

    def with_members(self, *members: bytes, end: bytes = b"\0" * 1024) -> None:
        own = [member(name, data) for name, data in files_of(self.sound).items()]
        write_tar(self.bad, [*own, *members], end)

    def with_files(self, **changed: bytes | None) -> None:
        spelled = {name.replace("__", "."): data for name, data in changed.items()}
        repacked(self.sound, self.bad, spelled)

    def with_manifest(self, change: Callable[[dict[str, Any]], object]) -> None:
        said = json.loads(files_of(self.sound)["manifest.json"])
        said.pop("integrity")
        change(said)
        self.with_files(manifest__json=json.dumps(said).encode())

    def with_config(self, **change: Any) -> None:
        said = json.loads(files_of(self.sound)["adapter_config.json"]) | change
        self.with_files(adapter_config__json=json.dumps(said).encode())

    def with_weights(self, change: Callable[[dict[str, Any], bytes], bytes]) -> None:
        data = files_of(self.sound)["adapter_model.safetensors"]
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        self.with_files(adapter_model__safetensors=change(header, data[8 + length :]))


def _members(*members: bytes) -> Callable[[Bench], None]:
    return lambda bench: bench.with_members(*members)


def _files(**changed: bytes | None) -> Callable[[Bench], None]:
    return lambda bench: bench.with_files(**changed)


def _manifest(**changed: Any) -> Callable[[Bench], None]:
    return lambda bench: bench.with_manifest(lambda said: said.update(changed))


def _config(**changed: Any) -> Callable[[Bench], None]:
    return lambda bench: bench.with_config(**changed)


def _weights(change: Callable[[dict[str, Any], bytes], bytes]) -> Callable[[Bench], None]:
    return lambda bench: bench.with_weights(change)


def _raw_weights(data: bytes) -> Callable[[Bench], None]:
    return _files(adapter_model__safetensors=data)


def _first(change: dict[str, Any]) -> Callable[[dict[str, Any], bytes], bytes]:
    """The first tensor described otherwise."""

    def changed(header: dict[str, Any], buffer: bytes) -> bytes:
        name = next(name for name in header if name != "__metadata__")
        return safetensors_bytes(header | {name: header[name] | change}, buffer)

    return changed


def _nan(header: dict[str, Any], buffer: bytes) -> bytes:
    return safetensors_bytes(header, b"\xc0\x7f" + buffer[2:])


def _doubled_key(header: dict[str, Any], buffer: bytes) -> bytes:
    name = next(iter(header))
    text = json.dumps(header)
    return safetensors_bytes(text[:-1] + f", {json.dumps(name)}: {{}}}}", buffer)


def _more(name: str) -> Callable[[dict[str, Any], bytes], bytes]:
    def changed(header: dict[str, Any], buffer: bytes) -> bytes:
        entry = {"dtype": "BF16", "shape": [2, 2], "data_offsets": [len(buffer), len(buffer) + 8]}
        return safetensors_bytes(header | {name: entry}, buffer + bytes(8))

    return changed


def _wrong_size(bench: Bench) -> None:
    own = [member(name, data) for name, data in files_of(bench.sound).items()]
    header = bytearray(member("z.json", b""))
    header[124:136] = b"00000010000\0"  # says 4,096 bytes; none follow
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()
    write_tar(bench.bad, [*own, bytes(header)], end=b"\0" * 1024)


def _zeros(bench: Bench) -> None:
    """Ten gigabytes of zeros, of which the first 40 MB are really there."""
    header = bytearray(member("z.json", b""))
    header[124:136] = b"\x80" + struct.pack(">Q", 10 << 30).rjust(11, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()
    bench.bad.write_bytes(gzip.compress(bytes(header) + bytes(40 << 20)))


def _exchanged_after_the_check(bench: Bench) -> None:
    """The manifest's own hashes hold, one file does not: as if swapped after a look."""
    files = files_of(bench.sound) | {"README.md": b"# swapped\n"}
    write_tar(bench.bad, [member(n, d) for n, d in files.items()])


def _another_s_manifest(bench: Bench) -> None:
    signed = signing.sign(bench.sound, bench.key, bench.bad.with_name("signed.expert"))
    other = signing.sign(expert_file(bench.bad.parent, "english", seed=4), bench.key)
    files = files_of(signed) | {"manifest.json": files_of(other)["manifest.json"]}
    bench.bad.write_bytes(archive_bytes(files))


def _signed(bench: Bench, version: str = "1.0.0", name: str = "json-parser") -> None:
    made = expert_file(bench.bad.parent / version, name, version=version)
    signing.sign(made, bench.key, bench.bad)


def _revoked(bench: Bench) -> None:
    _signed(bench)
    bench.store.revoke(bench.key.public, "Lost.")


def _expired(bench: Bench) -> None:
    _signed(bench)
    bench.store.add(bench.key.public, bench.key.publisher, expires="2020-01-01")


def _rollback(bench: Bench) -> None:
    bench.store.add(bench.key.public, bench.key.publisher)
    _signed(bench, version="0.9.0", name="kept")


OUTSIDE: Refusal = (ArchiveError, "outside its folder")
LINK: Refusal = (ArchiveError, "a link or a device")
NAME: Refusal = (ArchiveError, "letters A to Z")
HOLE: Refusal = (ArchiveError, "overlap or leave a hole")
PLACE: Refusal = (ArchiveError, "impossible place")
SHAPE: Refusal = (ArchiveError, "impossible shape")
NO_TENSORS: Refusal = (ArchiveError, "not a safetensors file")

CASES: dict[str, tuple[Callable[[Bench], object], Refusal]] = {
    "1 ../evil": (_members(member("../evil.json")), OUTSIDE),
    "2 absolute": (_members(member("/etc/x.json")), OUTSIDE),
    "3 drive": (_members(member("C:\\x.json")), OUTSIDE),
    "3 drive inside": (_members(member("foo/C:\\x.json")), OUTSIDE),
    "3 share": (_members(member("\\\\host\\share\\x.json")), OUTSIDE),
    "4 symlink": (_members(member("a.json", b"", tarfile.SYMTYPE, "/etc/passwd")), LINK),
    "5 hardlink to symlink": (
        _members(
            member("a.json", b"", tarfile.LNKTYPE, "b.json"),
            member("b.json", b"", tarfile.SYMTYPE, "/etc/passwd"),
        ),
        LINK,
    ),
    "6 FIFO": (_members(member("a.json", b"", tarfile.FIFOTYPE)), LINK),
    "6 device": (_members(member("a.json", b"", tarfile.CHRTYPE)), LINK),
    "7 twice": (_members(member("README.md")), (ArchiveError, "twice")),
    "8 letter case": (_members(member("readme.MD")), (ArchiveError, "only letter case")),
    "8 NFC and NFD": (_members(member("caf\u00e9.json"), member("cafe\u0301.json")), NAME),
    "9 CON": (_members(member("CON")), (ArchiveError, "Windows keeps")),
    "9 nul.txt": (_members(member("tests/nul.txt")), (ArchiveError, "Windows keeps")),
    "9 file.": (_members(member("file.")), NAME),
    "9 a:b": (_members(member("a:b.json")), OUTSIDE),
    "10 4,096 characters": (
        _members(member("x" * 4091 + ".json")),
        (ArchiveError, "file name of 4,096 characters"),
    ),
    "11 10 GB of zeros": (_zeros, (ArchiveError, "more than 1,024 MiB")),
    "11 a bomb": (
        _members(member("z.json", bytes(64 << 20))),
        (ArchiveError, "as a bomb does"),
    ),
    "12 nested": (_members(member("in.expert", b"x")), (ArchiveError, "another archive")),
    "13 many files": (
        _members(*(member(f"t{i}.json", b"") for i in range(2000))),
        (ArchiveError, "more than 1,000 files"),
    ),
    "14 truncated": (
        lambda b: b.bad.write_bytes(b.sound.read_bytes()[:-9]),
        (ArchiveError, "cut short"),
    ),
    "15 header size": (_wrong_size, (ArchiveError, "cut short")),
    "16 no manifest": (_files(manifest__json=None), (ArchiveError, "no manifest.json")),
    "16 two manifests": (_members(member("manifest.json")), (ArchiveError, "twice")),
    "16 100 MB": (
        _files(manifest__json=bytes(100 << 20)),
        (ArchiveError, "Its manifest has 104,857,600 bytes"),
    ),
    "16 not UTF-8": (_files(manifest__json=b"\xff\xfe{"), (ManifestError, "not UTF-8")),
    "16 depth 10,000": (
        _files(manifest__json=b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
        (ManifestError, "nested deeper"),
    ),
    "17 swapped file": (_exchanged_after_the_check, (IntegrityError, "README.md")),
    "18 other manifest": (_another_s_manifest, (IntegrityError, "tampered with")),
    "19 revoked": (_revoked, (IntegrityError, "Its key was revoked: Lost.")),
    "19 expired": (_expired, (IntegrityError, "expired on 2020-01-01")),
    "20 rollback": (_rollback, (ConsentError, "0.9.0 is older")),
    "21 needs itself": (
        _manifest(constraints={"load_order": 1, "requires": ["expert-json-parser"]}),
        (DependencyError, "json-parser needs json-parser"),
    ),
    "21 circle": (
        _manifest(constraints={"load_order": 1, "requires": ["needing"]}),
        (DependencyError, "json-parser needs needing, needing needs json-parser"),
    ),
    "22 >=1.0,<1.0": (
        _manifest(constraints={"load_order": 1, "requires": ["kept@>=1.0,<1.0"]}),
        (ManifestError, "No version can satisfy it"),
    ),
    "23 1.0.0-": (_manifest(version="1.0.0-"), (ManifestError, "not a version")),
    "23 01.0.0": (_manifest(version="01.0.0"), (ManifestError, "not a version")),
    "23 10^30": (_manifest(version=f"{10**30}.0.0"), (ManifestError, "not a version")),
    "24 look-alike": (_manifest(name="js\u043en-parser"), (ManifestError, "not a name")),
    "25 length 0": (_raw_weights(bytes(64)), NO_TENSORS),
    "25 length 2^63": (_raw_weights(safetensors_bytes({}, b"x" * 64, 1 << 63)), NO_TENSORS),
    "25 length > file": (_raw_weights(safetensors_bytes({}, b"x" * 64, 999)), NO_TENSORS),
    "26 negative": (_weights(_first({"data_offsets": [-8, 0]})), PLACE),
    "26 reversed": (_weights(_first({"data_offsets": [8, 0]})), PLACE),
    "26 overlap": (
        _weights(lambda h, b: safetensors_bytes(h | {"twin": h[next(iter(h))]}, b)),
        HOLE,
    ),
    "26 hole": (_weights(lambda h, b: safetensors_bytes(dict(list(h.items())[1:]), b)), HOLE),
    "27 doubled key": (_weights(_doubled_key), (ArchiveError, "twice")),
    "28 overflow": (_weights(_first({"shape": [1 << 30, 1 << 34]})), SHAPE),
    "29 F8": (_weights(_first({"dtype": "F8_E4M3"})), (ArchiveError, "of the type 'F8_E4M3'")),
    "29 unknown": (_weights(_first({"dtype": "X"})), (ArchiveError, "of the type 'X'")),
    "30 NaN": (_weights(_nan), (ArchiveError, "NaN or infinity")),
    "31 rank 0": (_config(r=0), (ArchiveError, "r should be a whole number")),
    "31 rank 100,000": (_config(r=100_000), (ArchiveError, "r should be a whole number")),
    "31 shape 0": (_weights(_first({"shape": [0, 320]})), SHAPE),
    "32 alpha 0": (_config(lora_alpha=0), (ArchiveError, "lora_alpha should be")),
    "32 alpha NaN": (
        _files(adapter_config__json=b'{"peft_type": "LORA", "lora_alpha": NaN}'),
        (ArchiveError, "NaN, which is not JSON"),
    ),
    "32 alpha 1e30": (_config(lora_alpha=1e30), (ArchiveError, "lora_alpha should be")),
    "33 another base's shapes": (
        _weights(_first({"shape": [8, 160]})),
        (ArchiveError, "has rank"),
    ),
    "34 lm_head": (_weights(_more("lm_head.weight")), (ArchiveError, "lm_head.weight")),
    "34 embeddings": (
        _weights(_more("base_model.model.model.embed_tokens.weight")),
        (ArchiveError, "embed_tokens"),
    ),
    "35 pickle": (_raw_weights(b"\x80\x04\x95" + bytes(90)), NO_TENSORS),
    "36 auto_mapping": (
        _config(auto_mapping={"parent_library": "os"}),
        (ArchiveError, "auto_mapping is set"),
    ),
    "37 megatron_core": (_config(megatron_core="os"), (ArchiveError, "megatron_core is set")),
    "38 tokenizer_kwargs": (
        _config(tokenizer_kwargs={"trust_remote_code": True}),
        (ArchiveError, "tokenizer_kwargs is set"),
    ),
    "39 base a URL": (
        _config(base_model_name_or_path="https://evil.example/x"),
        (ArchiveError, "an address on a network"),
    ),
    "39 base a share": (
        _config(base_model_name_or_path="\\\\host\\x"),
        (ArchiveError, "an address on a network"),
    ),
    "39 base another": (
        lambda b: (
            expert_file(b.bad.parent, "bad", base_name="Qwen3-0.6B", base_digest="ab" * 32) and None
        ),
        (CompatibilityError, "made for Qwen3-0.6B"),
    ),
    "40 regex": (_config(target_modules="(a+)+$"), (ArchiveError, "is a pattern")),
    "40 regex in a list": (
        _config(target_modules=["(a+)+$"]),
        (ArchiveError, "not a layer experts may adapt"),
    ),
    "41 modules_to_save": (
        _config(modules_to_save=["lm_head", "embed_tokens"]),
        (ArchiveError, "modules_to_save is set"),
    ),
    "42 unknown type": (_config(peft_type="VERA"), (ArchiveError, "not LORA, IA3")),
    "43 a prompt as LoRA": (
        _raw_weights(
            safetensors_bytes(
                {"prompt_embeddings": {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64]}},
                bytes(64),
            )
        ),
        (ArchiveError, "does not belong in this lora"),
    ),
    "44 number as text": (_config(r="8"), (ArchiveError, "r should be")),
    "44 boolean": (_config(r=True), (ArchiveError, "r should be")),
    "44 list": (_config(lora_alpha=[16]), (ArchiveError, "lora_alpha should be")),
}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound package and a library with two experts, made once and copied for each case."""
    folder = tmp_path_factory.mktemp("furnished")
    expert_file(folder / "scratch", "json-parser")
    installed_expert(Library(folder / "library"), "kept")
    installed_expert(Library(folder / "library"), "needing", requires=["json-parser"])
    return folder


@pytest.fixture
def bench(tmp_path: Path, furnished: Path) -> Bench:
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    scratch = tmp_path / "scratch"
    return Bench(
        scratch / "json-parser.expert",
        scratch / "bad.expert",
        keys.generate(scratch / "publisher.pem", "Studio Nord"),
        TrustStore(tmp_path / "trust.json"),
        Library(tmp_path / "library"),
    )


def test_every_item_of_the_list_is_there() -> None:
    assert {int(case.split()[0]) for case in CASES} == set(range(1, 45))


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_and_leaves_no_trace(
    tmp_path: Path, bench: Bench, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, (error, words) = CASES[case]
    make(bench)
    before = tree(tmp_path)
    places: list[Path] = []
    opened = staging.shutil.rmtree

    def looked_at_before_removal(place: Path, **options: Any) -> None:
        """What was written lies under staging, and under it alone."""
        places.append(Path(place))
        staged = bench.library.root / ".staging"
        outside = {p: d for p, d in tree(tmp_path).items() if staged not in (tmp_path / p).parents}
        assert outside == before
        opened(place, **options)

    with monkeypatch.context() as patched:
        patched.setattr(staging.shutil, "rmtree", looked_at_before_removal)
        accepted = Acceptance(bench.store, "always", frozenset({"unknown-key"}))
        with pytest.raises(error) as caught:
            install.install(
                bench.bad, bench.library, BASE_NAME, base_sha256(), BASE_FOLDER, accepted
            )
    assert words in str(caught.value)
    assert caught.value.remedy
    assert len(places) >= 1
    assert tree(tmp_path) == before
    assert list((bench.library.root / ".staging").iterdir()) == []
    assert [e.name for e in bench.library.experts()] == ["kept", "needing"]


def test_a_file_exchanged_between_check_and_install_is_what_gets_checked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Item 17: what is hashed is what is written; the package itself is read once."""
    archive.inspect(bench.sound)
    real = archive.unpack

    def exchanged(path: Path, place: Path) -> archive.Package:
        package = real(path, place)
        bench.sound.write_bytes(b"something else")
        return package

    monkeypatch.setattr(archive, "unpack", exchanged)
    expert = install.install(bench.sound, bench.library).expert
    assert signing.folder_signature(expert.folder).state == "unsigned"
    closure = dependencies.with_requirements(["json-parser"], bench.library)
    assert [e.name for e in closure] == ["json-parser"]
