"""`.expert` files: written reproducibly, read with distrust (hostile list, items 1 to 17)."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expert_studio.core.errors import ArchiveError, ExpertError, IntegrityError, ManifestError
from expert_studio.core.experts import archive
from expert_studio.core.experts.tar_stream import Limits
from tests.core.experts.hostile import files_of, member, repacked, write_tar
from tests.expert_factory import expert_file, expert_folder

LINK = {"kind": tarfile.SYMTYPE, "data": b""}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return expert_file(tmp_path / "sound")


def test_the_same_expert_gives_the_same_bytes(tmp_path: Path) -> None:
    one = expert_file(tmp_path / "one")
    os.utime(expert_folder(tmp_path / "two" / "json-parser-files") / "README.md", (1, 1))
    two = archive.build(tmp_path / "two" / "json-parser-files", tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()
    assert two.name == "json-parser-expert-base-12m.v1.0.0.expert"
    assert one.read_bytes()[4:8] == bytes(4)  # no time in the gzip header
    with tarfile.open(one) as opened:
        members = opened.getmembers()
    names = [m.name for m in members]
    assert names == ["manifest.json", *sorted(names[1:])]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members} == {(0, 0, 0, "", 0o644)}


def test_sidecar_and_manifest_state_the_hashes(sound: Path) -> None:
    stated = sound.with_name("json-parser.expert.sha256").read_text()
    digest = hashlib.sha256(sound.read_bytes()).hexdigest()
    assert stated == f"{digest}  json-parser.expert\n"
    files = files_of(sound)
    said = json.loads(files.pop("manifest.json"))
    assert said["integrity"]["files"] == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }
    package = archive.inspect(sound)
    assert package.sha256 == digest
    assert package.deviations == package.warnings == ()
    adapter = package.manifest.base_models[0].adapters[0]
    assert adapter.sha256 == hashlib.sha256(files["adapter_model.safetensors"]).hexdigest()
    assert adapter.size_bytes == len(files["adapter_model.safetensors"])


def test_weights_of_any_float_type_are_packed_as_bf16(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save, save_file

    folder = expert_folder(tmp_path / "x")
    path = folder / "adapter_model.safetensors"
    expected = load_file(path)
    save_file({name: tensor.float() for name, tensor in expected.items()}, path)
    packed = files_of(archive.build(folder, tmp_path / "out.expert"))["adapter_model.safetensors"]
    assert packed == save({name: tensor.bfloat16() for name, tensor in expected.items()})
    assert next(iter(load_file(path).values())).dtype == torch.float32  # the source is as it was


def test_what_packing_needs_is_named(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "x")
    (folder / "adapter_config.json").unlink()
    with pytest.raises(ArchiveError, match=r"adapter_config\.json cannot be read"):
        archive.build(folder, tmp_path / "out")
    folder = expert_folder(tmp_path / "two")
    said = json.loads((folder / "manifest.json").read_text())
    said["base_models"].append(said["base_models"][0] | {"name": "Qwen3-0.6B"})
    (folder / "manifest.json").write_text(json.dumps(said))
    with pytest.raises(ArchiveError, match=r"expert-base-12m, Qwen3-0\.6B"):
        archive.build(folder, tmp_path / "out")
    built = archive.build(folder, tmp_path / "out", base_name="qwen3-0.6b")
    assert built.name == "json-parser-qwen3-0-6b.v1.0.0.expert"
    assert [b.name for b in archive.inspect(built).manifest.base_models] == ["Qwen3-0.6B"]


def test_only_what_belongs_in_a_package_is_packed(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "x")
    for name in ("train.py", "events.jsonl", "optimizer.pt", ".env"):
        (folder / name).write_text("{}")
    assert sorted(files_of(archive.build(folder, tmp_path / "out.expert"))) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "manifest.json",
        "tests/test_cases.json",
    ]


def _negative() -> bytes:
    header = bytearray(member("a.json", b""))
    header[124:136] = b"\xff" * 12
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()
    return bytes(header)


def _pax(records: dict[str, str]) -> bytes:
    header = tarfile.TarInfo("a.json")
    header.pax_headers = records
    return header.tobuf(tarfile.PAX_FORMAT)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "outside its folder": lambda: member("../evil.json"),
    "outside its folder ": lambda: member("tests/../../evil.json"),
    "outside its folder  ": lambda: member("/etc/x.json"),
    "outside its folder   ": lambda: member("C:\\x.json"),
    "outside its folder    ": lambda: member("foo/C:\\x.json"),
    "outside its folder     ": lambda: member("\\\\host\\share\\x.json"),
    "outside its folder      ": lambda: member("a:b.json"),
    "a link or a device": lambda: member("a.json", b"", tarfile.SYMTYPE, "/etc/passwd"),
    "a link or a device ": lambda: member("a.json", b"", tarfile.LNKTYPE, "README.md"),
    "a link or a device  ": lambda: member("a.json", b"", tarfile.FIFOTYPE),
    "a link or a device   ": lambda: member("a.json", b"", tarfile.CHRTYPE),
    "a link or a device    ": lambda: member("a.json", b"", tarfile.BLKTYPE),
    "a link or a device     ": lambda: member("a.json", b"", tarfile.GNUTYPE_SPARSE),
    "twice": lambda: member("README.md"),
    "only letter case": lambda: member("readme.MD"),
    "letters A to Z": lambda: member("cafe\u0301.json"),
    "as a file and as a folder": lambda: member("README.md/x.json"),
    "Windows keeps": lambda: member("CON"),
    "Windows keeps ": lambda: member("tests/nul.txt"),
    "Windows keeps  ": lambda: member("com1.tar.json"),
    "letters A to Z ": lambda: member("file."),
    "letters A to Z  ": lambda: member("a\x1b[31m.json"),
    "letters A to Z   ": lambda: member(".hidden.json"),
    "letters A to Z    ": lambda: member("a//b.json"),
    "file name of 4,0": lambda: member("x" * 4090 + ".json"),
    "folders deep": lambda: member("a/b/c/d/e.json"),
    "another archive": lambda: member("inner.expert", gzip.compress(b"x")),
    "a program": lambda: member("tests/run.sh", b"#!/bin/sh"),
    "a program ": lambda: member("setup.py"),
    "negative size": _negative,
    "unknown instructions": lambda: _pax({"GNU.sparse.name": "x"}),
    "unknown instructions ": lambda: _pax({"size": "9999999999"}),
    "outside its folder       ": lambda: _pax({"path": "../x"}),
    "damaged file header": lambda: member("x", b"99 path", tarfile.XHDTYPE) + member("a.json"),
    "far too long": lambda: member("x", bytes(20_000), tarfile.XHDTYPE) + member("a.json"),
    "one name": lambda: member("x", b"12 path=abc\n", tarfile.XGLTYPE) + member("a.json"),
}


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_member_is_refused_and_nothing_leaves_the_folder(
    tmp_path: Path, sound: Path, words: str
) -> None:
    members = [member(name, data) for name, data in files_of(sound).items()]
    path = write_tar(tmp_path / "x.expert", [*members, HOSTILE[words]()])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ArchiveError) as caught:
        archive.inspect(path)
    assert words.strip() in caught.value.why
    with pytest.raises(ArchiveError):
        archive.unpack(path, tmp_path / "staging")
    outside = [p for p in tmp_path.rglob("*") if tmp_path / "staging" not in (p, *p.parents)]
    assert sorted(outside) == before


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cut short"),
        (b"not gzip at all, but long enough to look at", "not a gzip"),
        (gzip.compress(b""), "cut short"),
        (gzip.compress(b"x" * 512), "not a tar"),
        (gzip.compress(b"\0" * 1024), "no manifest.json"),
        (gzip.compress(member("manifest.json")), "cut short"),
        (gzip.compress(member("manifest.json", b"x" * 600)[:700]), "cut short"),
    ],
    ids=[
        "empty",
        "text",
        "empty gzip",
        "no tar inside",
        "empty tar",
        "no end",
        "half a member",
    ],  # the bytes would be the names, and gzip's hold the time: other names in each process
)
def test_what_is_no_package_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "x.expert"
    path.write_bytes(data)
    with pytest.raises(ArchiveError) as caught:
        archive.inspect(path)
    assert words in caught.value.why


def test_a_missing_file_a_folder_and_a_pipe_are_no_packages(tmp_path: Path) -> None:
    (tmp_path / "folder.expert").mkdir()
    paths = [tmp_path / "gone.expert", tmp_path / "folder.expert"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.expert")
        paths.append(tmp_path / "pipe.expert")
    for path in paths:
        with pytest.raises(ArchiveError, match="cannot be opened"):
            archive.inspect(path)


def test_every_truncation_is_refused(tmp_path: Path, sound: Path) -> None:
    data = sound.read_bytes()
    path = tmp_path / "cut.expert"
    for length in [*range(64), *range(64, len(data), 997), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ArchiveError):
            archive.inspect(path)


def test_anything_after_the_end_is_refused(tmp_path: Path, sound: Path) -> None:
    path = tmp_path / "x.expert"
    for more in (b"PK\x03\x04", sound.read_bytes(), b"\0"):
        path.write_bytes(sound.read_bytes() + more)
        with pytest.raises(ArchiveError, match="more after its end"):
            archive.inspect(path)
    members = [member(name, data) for name, data in files_of(sound).items()]
    write_tar(path, members, end=b"\0" * 1024 + b"hidden")
    with pytest.raises(ArchiveError, match="more after its last file"):
        archive.inspect(path)


def test_limits_on_count_size_and_ratio_hold_before_anything_is_kept(
    tmp_path: Path, sound: Path
) -> None:
    members = [member(name, data) for name, data in files_of(sound).items()]
    path = write_tar(tmp_path / "many", [*members, *(member(f"t{i}.json") for i in range(50))])
    with pytest.raises(ArchiveError, match="more than 20 files"):
        archive.inspect(path, Limits(files=20))
    path = write_tar(tmp_path / "big", [*members, member("z.json", bytes(3 << 20))])
    with pytest.raises(ArchiveError, match="more than 2 MiB"):
        archive.unpack(path, tmp_path / "s1", Limits(total_bytes=2 << 20))
    with pytest.raises(ArchiveError, match="as a bomb does"):
        archive.unpack(path, tmp_path / "s2", Limits(ratio=10, ratio_floor_bytes=1 << 20))
    path = write_tar(tmp_path / "empties", [member(f"d{i}", b"", b"5") for i in range(2000)])
    with pytest.raises(ArchiveError, match="more than 1,000 files"):
        archive.inspect(path)


def test_ten_gigabytes_of_zeros_stop_early(tmp_path: Path) -> None:
    header = bytearray(member("z.safetensors", b""))
    header[124:136] = struct.pack(">Q", 10 << 30).rjust(12, b"\0")
    header[124] = 0x80
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()
    path = tmp_path / "bomb.expert"
    path.write_bytes(gzip.compress(bytes(header)) + b"")
    with pytest.raises(ArchiveError, match="more than 1,024 MiB"):
        archive.unpack(path, tmp_path / "staging")
    assert not list((tmp_path / "staging").rglob("z*"))


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (None, ArchiveError, "no manifest.json"),
        (b"not json", ManifestError, "not JSON"),
        (b"\xff\xfe", ManifestError, "UTF-8"),
        (b"[" * 10_000, ManifestError, "nested deeper"),
        (b"{" + b" " * (2 << 20) + b"}", ArchiveError, "manifest has"),
    ],
)
def test_a_bad_manifest_is_named(
    tmp_path: Path, sound: Path, data: bytes | None, error: type[ExpertError], words: str
) -> None:
    path = repacked(sound, tmp_path / "x.expert", {"manifest.json": data})
    with pytest.raises(error) as caught:
        archive.inspect(path)
    assert words in caught.value.why


def test_a_changed_added_or_missing_file_is_caught(tmp_path: Path, sound: Path) -> None:
    kept = files_of(sound)["manifest.json"]
    for change in ({"README.md": b"other"}, {"README.md": None}):
        path = repacked(sound, tmp_path / "x.expert", {"manifest.json": kept, **change})
        with pytest.raises(IntegrityError, match=r"README\.md"):
            archive.inspect(path)
    path = repacked(sound, tmp_path / "x.expert", {"manifest.json": kept, "more.txt": b"x"})
    assert archive.inspect(path).warnings == ("more.txt is not covered by the manifest's hashes.",)


def test_a_sidecar_that_does_not_fit_is_caught(sound: Path) -> None:
    for text in ("0" * 64 + "  json-parser.expert\n", "", "\xff"):
        sound.with_name("json-parser.expert.sha256").write_text(text, encoding="latin-1")
        with pytest.raises(IntegrityError, match="not the file its maker wrote"):
            archive.inspect(sound)


def test_pickles_are_never_written(tmp_path: Path, sound: Path) -> None:
    changed = {"training_args.bin": b"\x80\x04.", "odd.xyz": b"?"}
    package = archive.unpack(repacked(sound, tmp_path / "x.expert", changed), tmp_path / "staging")
    assert {f.path for f in package.files if not f.kept} == set(changed)
    assert not [p for p in (tmp_path / "staging").iterdir() if p.name in changed]
    assert package.warnings == tuple(
        f"{name} was left out: experts do not need it." for name in changed
    )


def test_archives_by_other_tools_are_read(tmp_path: Path, sound: Path) -> None:
    """Python's pax format, with folders, times as fractions and ./ in front."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as written:
        for name in ("./", "./tests/"):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            written.addfile(folder)
        for name, data in files_of(sound).items():
            header = tarfile.TarInfo(f"./{name}")
            header.size, header.mtime = len(data), 1.5
            written.addfile(header, io.BytesIO(data))
    (tmp_path / "x.expert").write_bytes(packed.getvalue())
    package = archive.inspect(tmp_path / "x.expert")
    assert {f.path for f in package.files} == set(files_of(sound))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_is_caught(tmp_path: Path, sound: Path, data: st.DataObject) -> None:
    changed = bytearray(sound.read_bytes())
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "changed.expert"
    path.write_bytes(changed)
    try:
        package = archive.inspect(path)
    except ExpertError:
        return
    # Some bits of the gzip header say nothing: what is unpacked is still what was packed.
    assert [f.sha256 for f in package.files] == [f.sha256 for f in archive.inspect(sound).files]
