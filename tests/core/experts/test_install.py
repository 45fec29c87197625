"""Installing and removing: wholly or not at all, whatever happens, whoever else is at it."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from expert_studio.core.errors import (
    ArchiveError,
    CompatibilityError,
    DependencyError,
    ExpertError,
    IntegrityError,
    LibraryError,
    ManifestError,
    StorageError,
)
from expert_studio.core.experts import archive, install, library
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.settings import resources_folder
from tests.core.experts.hostile import files_of, member, repacked, tree, write_tar
from tests.expert_factory import (
    BASE_NAME,
    base_sha256,
    expert_file,
    expert_folder,
    installed_expert,
)

BASE_FOLDER = resources_folder() / "base"


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_an_installed_expert_is_found_with_all_its_files(tmp_path: Path, shelf: Library) -> None:
    file = expert_file(tmp_path)
    done = install.install(file, shelf, BASE_NAME, base_sha256(), BASE_FOLDER)
    assert done.warnings == ()
    expert = done.expert
    assert expert.folder == tmp_path / "library" / "experts" / "json-parser" / "1.0.0"
    assert {
        name: data for name, data in tree(expert.folder).items() if name != "installed.json"
    } == {name.replace("/", os.sep): data for name, data in files_of(file).items()}
    assert expert.weights_sha256 == library.weights_sha256(expert.weights_path)
    assert Library(shelf.root).experts() == (expert,) == (shelf.find("expert-json-parser"),)
    assert list((shelf.root / ".staging").iterdir()) == []


def test_a_loose_folder_installs_as_its_package_does(tmp_path: Path, shelf: Library) -> None:
    folder = expert_folder(tmp_path / "loose")
    from_folder = install.install(folder, shelf).expert
    from_file = install.install(expert_file(tmp_path), Library(tmp_path / "two")).expert
    assert tree(from_folder.folder).keys() == tree(from_file.folder).keys()
    assert from_folder == from_file
    assert list((shelf.root / ".staging").iterdir()) == []


def test_a_loose_folder_for_another_base_or_with_links_is_refused(
    tmp_path: Path, shelf: Library
) -> None:
    folder = expert_folder(tmp_path / "loose", base_name="Qwen3-0.6B")
    with pytest.raises(CompatibilityError, match=r"made for Qwen3-0\.6B"):
        install.install(folder, shelf, BASE_NAME)
    if hasattr(os, "symlink"):
        (folder / "LICENSE").symlink_to("/etc/hostname")
        with pytest.raises(ArchiveError, match="LICENSE is a link"):
            install.install(folder, shelf)
        (folder / "LICENSE").unlink()
    (folder / "tests" / "two words.json").write_text("[]")
    with pytest.raises(ArchiveError, match="two words"):
        install.install(folder, shelf)
    assert tree(shelf.root) == {}


def test_installing_twice_changes_nothing(tmp_path: Path, shelf: Library) -> None:
    file = expert_file(tmp_path)
    install.install(file, shelf)
    before = tree(shelf.root)
    assert install.install(file, shelf).warnings == ("json-parser 1.0.0 was already installed.",)
    assert tree(shelf.root) == before


def test_other_contents_under_the_same_version_are_refused(tmp_path: Path, shelf: Library) -> None:
    installed_expert(shelf)
    before = tree(shelf.root)
    for change in ({"seed": 2}, {"description": "Another one."}):
        with pytest.raises(LibraryError, match="Another package of the same name and version"):
            install.install(expert_file(tmp_path, **change), shelf)
    with pytest.raises(LibraryError, match="both spellings are one name"):
        install.install(expert_file(tmp_path, "expert-json-parser", version="2.0.0"), shelf)
    assert tree(shelf.root) == before


def test_the_highest_version_is_active_unless_one_was_chosen(shelf: Library) -> None:
    for version in ("1.2.0", "1.10.0", "1.9.0"):
        installed_expert(shelf, version=version, seed=int(version.split(".")[1]))
    assert [e.version for e in shelf.versions("json-parser")] == ["1.10.0", "1.9.0", "1.2.0"]
    assert shelf.find("json-parser").version == "1.10.0"
    assert shelf.activate("json-parser", "1.2.0").version == "1.2.0"
    assert Library(shelf.root).find("json-parser").version == "1.2.0"
    with pytest.raises(LibraryError):
        shelf.activate("json-parser", "3.0.0")


def test_a_lower_version_is_kept_beside_the_active_one(tmp_path: Path, shelf: Library) -> None:
    installed_expert(shelf, version="2.0.0")
    done = install.install(expert_file(tmp_path, version="1.0.0"), shelf)
    assert done.warnings == ("json-parser 2.0.0 stays the active version.",)
    done = install.install(expert_file(tmp_path, version="3.0.0"), shelf)
    assert done.warnings == ("It takes the place of json-parser 2.0.0, which is kept.",)


def test_the_wrong_base_is_refused_and_another_revision_warned_of(
    tmp_path: Path, shelf: Library
) -> None:
    file = expert_file(tmp_path, base_name="Qwen3-0.6B", base_digest="ab" * 32)
    with pytest.raises(CompatibilityError, match=r"made for Qwen3-0\.6B"):
        install.install(file, shelf, BASE_NAME, base_sha256())
    wide = expert_file(tmp_path, "wide", modules=["q_proj"])
    said = json.loads((BASE_FOLDER / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(said | {"hidden_size": 1024}))
    with pytest.raises(CompatibilityError, match="does not fit this base"):
        install.install(wide, shelf, BASE_NAME, base_folder=tmp_path)
    assert tree(shelf.root) == {}
    done = install.install(file, shelf, "Qwen/Qwen3-0.6B", "cd" * 32)
    assert "another revision of Qwen3-0.6B" in done.warnings[0]
    assert install.install(file, shelf, "renamed", "ab" * 32).expert == done.expert


def test_what_is_still_missing_is_said(tmp_path: Path, shelf: Library) -> None:
    done = install.install(expert_file(tmp_path, requires=["english@>=1.0"]), shelf)
    assert done.warnings == ("It needs english@>=1.0.0, which is not installed yet.",)


def _swapped(sound: Path, target: Path) -> Path:
    said = json.loads(files_of(sound)["manifest.json"])
    said["base_models"][0]["adapters"][0]["sha256"] = "0" * 64
    del said["integrity"]
    return repacked(sound, target, {"manifest.json": json.dumps(said).encode()})


BAD: dict[str, tuple[Callable[[Path, Path], object], type[ExpertError]]] = {
    "truncated": (lambda s, t: t.write_bytes(s.read_bytes()[:5000]), ArchiveError),
    "oversized": (
        lambda s, t: write_tar(t, [member("z.json", bytes(40 << 20))]),
        ArchiveError,
    ),
    "path-escaping": (
        lambda s, t: write_tar(
            t, [*(member(n, d) for n, d in files_of(s).items()), member("../../evil.json")]
        ),
        ArchiveError,
    ),
    "manifest not JSON": (lambda s, t: repacked(s, t, {"manifest.json": b"hello"}), ManifestError),
    "weights a pickle": (
        lambda s, t: repacked(s, t, {"adapter_model.safetensors": b"\x80\x04K\x01."}),
        ArchiveError,
    ),
    "hostile config": (
        lambda s, t: repacked(
            s,
            t,
            {"adapter_config.json": b'{"peft_type":"LORA","auto_mapping":{"parent_library":"os"}}'},
        ),
        ArchiveError,
    ),
    "no weights": (lambda s, t: repacked(s, t, {"adapter_model.safetensors": None}), ArchiveError),
    "swapped weights": (_swapped, IntegrityError),
    "no such file": (lambda _s, _t: None, ArchiveError),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_package_leaves_the_library_as_it_was(
    tmp_path: Path, shelf: Library, case: str
) -> None:
    installed_expert(shelf, "kept")
    before = tree(tmp_path)
    scratch = tmp_path / "made"
    make, error = BAD[case]
    make(expert_file(scratch), scratch / "bad.expert")
    with pytest.raises(error) as caught:
        install.install(scratch / "bad.expert", shelf)
    assert caught.value.what.endswith(".")
    assert caught.value.remedy
    shutil.rmtree(scratch)
    assert tree(tmp_path) == before
    assert list((shelf.root / ".staging").iterdir()) == []
    assert [e.name for e in shelf.experts()] == ["kept"]


LAYOUTS: dict[str, dict[str, str]] = {
    "documented 1.0": {"adapter_model.safetensors": "weights.safetensors"},
    "documented 2.0": {"adapter_model.safetensors": "weights/base-x/adapter.safetensors"},
    "changelog": {
        "adapter_model.safetensors": "weights/expert-base12m/adapter/adapter_model.safetensors",
        "adapter_config.json": "weights/expert-base12m/adapter/adapter_config.json",
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["lora", "dora", "ia3"])
def test_all_layouts_end_as_the_flat_one(
    tmp_path: Path, shelf: Library, layout: str, kind: str
) -> None:
    sound = expert_file(tmp_path, kind=kind, modules=["k_proj", "down_proj"])
    moved = LAYOUTS[layout]
    changed: dict[str, bytes | None] = {"adapter_config.json": None, "README.md": None}
    changed |= dict.fromkeys(moved)
    changed |= {new: files_of(sound)[old] for old, new in moved.items()}
    expert = install.install(repacked(sound, tmp_path / "x.expert", changed), shelf).expert
    assert sorted(tree(expert.folder)) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "installed.json",
        "manifest.json",
        str(Path("tests", "test_cases.json")),
    ]


def test_weights_are_chosen_for_the_base_asked_for(tmp_path: Path, shelf: Library) -> None:
    sound = expert_file(tmp_path)
    said = json.loads(files_of(sound)["manifest.json"])
    del said["integrity"]
    said["base_models"][0]["adapters"][0]["sha256"] = ""
    said["base_models"].append(said["base_models"][0] | {"name": "Qwen3-0.6B"})
    weights = files_of(sound)["adapter_model.safetensors"]
    other = files_of(expert_file(tmp_path, seed=5))["adapter_model.safetensors"]
    changed = {
        "manifest.json": json.dumps(said).encode(),
        "adapter_model.safetensors": None,
        "weights/qwen3-06b/adapter.safetensors": other,
        "weights/expert-base-12m/adapter.safetensors": weights,
    }
    path = repacked(sound, tmp_path / "two.expert", changed)
    expert = install.install(path, shelf, "Qwen/Qwen3-0.6B").expert
    assert expert.weights_path.read_bytes() == other
    assert not (expert.folder / "weights").exists()


def test_what_others_need_is_not_removed(shelf: Library) -> None:
    first = installed_expert(shelf)
    installed_expert(shelf, "classifier", requires=["expert-json-parser"], load_order=9)
    installed_expert(shelf, "reviewer", trained_with=[(first, 1.0)], load_order=9)
    before = tree(shelf.root)
    with pytest.raises(DependencyError, match="classifier and reviewer cannot work without it"):
        install.uninstall("json-parser", shelf)
    assert tree(shelf.root) == before


def test_removing_moves_all_versions_to_the_trash(tmp_path: Path, shelf: Library) -> None:
    first = installed_expert(shelf)
    second = installed_expert(shelf, version="2.0.0")
    before = tree(second.folder)
    os.utime(first.folder.parent, (1, 1))
    entry = install.uninstall("expert-json-parser", shelf)
    assert shelf.experts() == ()
    assert not first.folder.parent.exists()
    assert list((shelf.root / ".trash").iterdir()) == [entry]
    assert tree(entry / "2.0.0") == before
    assert entry.stat().st_mtime > 1  # installed long ago, but removed just now
    with pytest.raises(LibraryError, match="No expert named json-parser"):
        install.uninstall("json-parser", shelf)
    install.install(expert_file(tmp_path), shelf)  # and it can come back


def test_a_damaged_expert_can_be_replaced_or_removed(tmp_path: Path, shelf: Library) -> None:
    expert = installed_expert(shelf)
    (expert.folder / "manifest.json").write_text("{")
    assert shelf.experts() == ()
    assert "json-parser" in shelf.problems()[0]
    with pytest.raises(LibraryError, match="json-parser cannot be used"):
        shelf.find("json-parser")
    assert install.install(expert_file(tmp_path), shelf).expert == expert
    assert shelf.problems() == ()
    expert.weights_path.unlink()
    assert "adapter_model.safetensors is missing" in shelf.problems()[0]
    install.uninstall("json-parser", shelf)
    assert shelf.problems() == ()


def test_what_was_sound_is_not_read_again_to_find_problems(
    shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = installed_expert(shelf, "many-of-it")
    for number in range(1, library.WORTH_KEEPING + 3):
        place = first.folder.with_name(f"1.0.{number}")
        shutil.copytree(first.folder, place)
        said = (place / "manifest.json").read_text(encoding="utf-8")
        (place / "manifest.json").write_text(said.replace("1.0.0", place.name), encoding="utf-8")
    read: list[Path] = []
    honest = library._read_installed

    def noted(folder: Path, *state: int) -> InstalledExpert:
        read.append(folder)
        return honest(folder, *state)

    monkeypatch.setattr(library, "_read_installed", noted)
    assert Library(shelf.root).problems() == ()
    assert len(read) == library.WORTH_KEEPING + 3
    read.clear()
    assert Library(shelf.root).problems() == ()
    assert read == []
    (place / "manifest.json").write_text("{", encoding="utf-8")
    (told,) = Library(shelf.root).problems()
    assert place.name in told
    assert read == [place]


def test_weights_changed_on_disk_are_hashed_anew(shelf: Library) -> None:
    expert = installed_expert(shelf)
    data = bytearray(expert.weights_path.read_bytes())
    data[-1] ^= 1
    expert.weights_path.write_bytes(data)
    os.utime(expert.weights_path, ns=(1, 1))
    assert shelf.find("json-parser").weights_sha256 == library.weights_sha256(expert.weights_path)
    assert shelf.find("json-parser").weights_sha256 != expert.weights_sha256


# --- a full disk ---------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a real, tiny file system; only root on Linux can."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if (
            shutil.which("mount") is None
            or subprocess.run(command, capture_output=True, check=False).returncode
        ):
            pytest.skip("needs the right to mount a file system")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("size=64k", "It needs 164 KB; 66 KB are free."),
        ("size=64m,nr_inodes=9", "The disk takes no more files, though 67.1 MB are free."),
    ],
    ids=["too few bytes", "too few files"],
)
def test_a_full_disk_says_what_is_needed(
    tmp_path: Path, small_disk: Callable[[str], Path], options: str, why: str
) -> None:
    shelf = Library(small_disk(options) / "library")
    file = expert_file(tmp_path, rank=8)
    with pytest.raises(StorageError, match="the disk is full") as caught:
        install.install(file, shelf)
    assert caught.value.why == why
    assert shelf.experts() == ()
    assert list((shelf.root / ".staging").iterdir()) == []
    assert list(shelf.experts_folder.iterdir()) == []


def test_a_disk_that_fills_up_while_unpacking(
    tmp_path: Path, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = expert_file(tmp_path)
    kept = os.fsync

    def full(descriptor: int) -> None:
        if any((shelf.root / ".staging").rglob("*.safetensors")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        kept(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="the disk is full"):
            install.install(file, shelf)
    assert tree(shelf.root) == {}
    assert install.install(file, shelf).expert.name == "json-parser"


def test_a_full_disk_leaves_no_half_package(
    tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    out = small_disk("size=48k")
    with pytest.raises(StorageError, match="it needs"):
        archive.build(expert_folder(tmp_path / "x"), out / "x.expert")
    assert list(out.iterdir()) == []


# --- several at once, and crashes ----------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from expert_studio.core.experts import install, library
shelf = library.Library(Path(sys.argv[1]))
for file in sys.argv[2:]:
    install.install(Path(file), shelf)
    print("done", file, flush=True)
"""


def child(shelf: Library, *files: Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(shelf.root), *map(str, files)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_two_processes_install_into_one_library(tmp_path: Path, shelf: Library) -> None:
    files = [expert_file(tmp_path, f"expert-n{i}", seed=i) for i in range(6)]
    children = [child(shelf, *order) for order in (files, files[::-1])]
    assert [c.communicate(timeout=60)[1] for c in children] == ["", ""]
    assert [e.name for e in shelf.experts()] == [f"expert-n{i}" for i in range(6)]
    assert shelf.problems() == ()
    assert list((shelf.root / ".staging").iterdir()) == []


def test_threads_install_into_one_library(tmp_path: Path, shelf: Library) -> None:
    files = [expert_file(tmp_path, f"n{i}") for i in range(4)]
    threads = [threading.Thread(target=install.install, args=(f, shelf)) for f in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [e.name for e in shelf.experts()] == ["n0", "n1", "n2", "n3"]


def test_a_library_held_by_another_says_so(
    tmp_path: Path, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_expert(shelf)
    monkeypatch.setattr(library, "LOCK_WAIT_S", 0.05)
    with FileLock(shelf.root / ".lock"):
        for change in (
            lambda: install.install(expert_file(tmp_path, "other"), shelf),
            lambda: install.uninstall("json-parser", shelf),
        ):
            with pytest.raises(LibraryError, match="changed by another Expert Studio"):
                change()
        assert [e.name for e in shelf.experts()] == ["json-parser"]  # reading takes no lock


def test_staging_of_a_living_process_is_left_and_a_dead_one_s_swept(
    tmp_path: Path, shelf: Library
) -> None:
    staged = shelf.root / ".staging"
    for name in ("living", "dead"):
        (staged / name / "unpacked").mkdir(parents=True)
        (staged / f"{name}.lock").touch()
    (staged / "no-lock-at-all").mkdir()
    with FileLock(staged / "living.lock"):
        install.install(expert_file(tmp_path), shelf)
        assert sorted(p.name for p in staged.iterdir()) == ["living", "living.lock"]
    install.install(expert_file(tmp_path), shelf)
    assert list(staged.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_killed_at_any_moment_a_version_is_wholly_there_or_not_at_all(
    tmp_path: Path, shelf: Library
) -> None:
    """A few moments of many: each child is killed after a random number of audit events."""
    code = (
        "import os, signal, sys\n"
        "from expert_studio.core.experts import install, library\n"
        "left = int(sys.argv.pop(1))\n"
        "def count(event, args):\n"
        "    global left\n"
        "    if event.split('.')[0] in ('open', 'os', 'shutil', 'fcntl'):\n"
        "        left -= 1\n"
        "        if left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(count)\n" + CHILD
    )
    file = expert_file(tmp_path)
    whole = set(files_of(file)) | {"installed.json"}
    moments = random.Random(0)
    killed = 0
    for _ in range(10):
        shutil.rmtree(shelf.root, ignore_errors=True)
        run = subprocess.run(
            [sys.executable, "-c", code, str(moments.randint(1, 68)), str(shelf.root), str(file)],
            capture_output=True,
            check=False,
        )
        assert run.returncode in (0, -signal.SIGKILL), run.stderr
        killed += run.returncode != 0
        fresh = Library(shelf.root)
        assert fresh.problems() == ()
        for expert in fresh.experts():
            assert set(tree(expert.folder)) == whole
        assert install.install(file, fresh).expert.name == "json-parser"
        assert list((shelf.root / ".staging").iterdir()) == []
    assert killed >= 3
