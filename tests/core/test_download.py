"""Fetching a base, against a real HTTP server on this machine that misbehaves on demand."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from expert_studio.core.errors import DownloadError
from expert_studio.core.inference import download, hub
from expert_studio.core.inference.download import (
    DownloadControl,
    DownloadProgress,
    DownloadStopped,
    Patience,
    download_base,
)
from tests.hub_mirror import COMMIT, REPO, WEIGHTS, Behaviour, Mirror, small_base

HASTY = Patience(stall_s=0.3, attempts=3, pause_s=0.01)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "EXPERT_STUDIO_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mirrors() -> Iterator[Callable[..., Mirror]]:
    opened: list[Mirror] = []

    def open_mirror(**behaviour: object) -> Mirror:
        described = replace(Behaviour(small_base()), **behaviour)  # type: ignore[arg-type]
        opened.append(Mirror(described))
        return opened[-1]

    yield open_mirror
    for mirror in opened:
        mirror.close()


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return download.base_destination(tmp_path / "bases", REPO)


def fetch(mirror: Mirror, destination: Path, **options: object) -> Path:
    arguments: dict[str, object] = {"revision": COMMIT, "patience": HASTY} | options
    return download_base(
        REPO,
        destination=destination,
        endpoint=mirror.address,
        **arguments,  # type: ignore[arg-type]
    )


def staged(destination: Path) -> Path:
    return destination.parent / f".{destination.name}.{COMMIT[:12]}.staging"


def weight_ranges(mirror: Mirror) -> list[str]:
    return [
        headers.get("range", "")
        for path, headers in mirror.behaviour.requests
        if path.endswith(".safetensors")
    ]


def test_only_weights_tokenizer_configuration_and_licence_arrive(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    seen: list[DownloadProgress] = []
    assert fetch(mirrors(pages=True), destination, on_progress=seen.append) == destination
    names = {path.name for path in destination.iterdir()}
    assert names == {
        *("config.json", "tokenizer.json", "tokenizer_config.json"),
        *("model.safetensors", "LICENSE", "origin.json"),
    }
    assert (destination / "model.safetensors").read_bytes() == WEIGHTS
    origin = json.loads((destination / "origin.json").read_text())
    assert (origin["repo"], origin["revision"]) == (REPO, COMMIT)
    recorded = {entry["name"]: entry["sha256"] for entry in origin["files"]}
    assert recorded["model.safetensors"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert (
        seen[-1].bytes_done
        == seen[-1].bytes_total
        == sum(entry["size_bytes"] for entry in origin["files"])
    )
    assert [p.bytes_done for p in seen] == sorted(p.bytes_done for p in seen)
    assert list(destination.parent.iterdir()) == [destination]
    (fetched,) = download.fetched_bases(destination.parent)
    assert (fetched.repo, fetched.folder) == (REPO, destination)


def test_a_branch_is_resolved_to_its_commit_and_a_second_fetch_asks_for_no_file(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors()
    fetch(mirror, destination, revision=None)
    assert mirror.behaviour.requests[0][0].endswith("/revision/main")
    mirror.behaviour.requests.clear()
    fetch(mirror, destination, revision=COMMIT)
    assert len(mirror.behaviour.requests) == 1


def test_a_base_that_was_renamed_is_found(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors(renamed_from="maker/old-name")
    download_base("maker/old-name", None, destination, endpoint=mirror.address, patience=HASTY)
    assert (destination / "model.safetensors").read_bytes() == WEIGHTS


def test_a_file_changed_in_the_staged_folder_is_fetched_again(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    staged(destination).mkdir(parents=True)
    (staged(destination) / "model.safetensors").write_bytes(WEIGHTS[::-1])
    fetch(mirrors(), destination)
    assert (destination / "model.safetensors").read_bytes() == WEIGHTS


def test_another_revision_does_not_overwrite_a_base(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors()
    fetch(mirror, destination)
    other = "f" * 40
    mirror.behaviour.commit = other
    with pytest.raises(DownloadError, match="holds maker/tiny-base at revision 0123456789ab"):
        fetch(mirror, destination, revision=other)


def test_connections_that_break_off_are_taken_up_where_they_ended(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors(cut_after=300_000)
    fetch(mirror, destination)
    assert (destination / "model.safetensors").read_bytes() == WEIGHTS
    assert weight_ranges(mirror) == ["", "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_server_that_falls_silent_is_asked_again(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors(stall_once=True)
    fetch(mirror, destination)
    assert (destination / "model.safetensors").read_bytes() == WEIGHTS
    assert weight_ranges(mirror) == ["", f"bytes={len(WEIGHTS) // 2}-"]


def test_a_server_without_ranges_makes_it_start_again_and_still_be_right(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors(stall_once=True, ignore_range=True)
    fetch(mirror, destination)
    assert (destination / "model.safetensors").read_bytes() == WEIGHTS


def test_a_range_from_somewhere_else_is_never_written(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors(cut_after=300_000, wrong_range=True)
    with pytest.raises(DownloadError, match="broke off again and again"):
        fetch(mirror, destination)
    assert (staged(destination) / "model.safetensors.partial").read_bytes() == WEIGHTS[:300_000]


def test_stop_keeps_what_arrived_and_the_next_fetch_goes_on(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    control = DownloadControl()
    mirror = mirrors(cut_after=300_000, on_weights=lambda start: start and control.stop())
    with pytest.raises(DownloadStopped, match="are kept"):
        fetch(mirror, destination, control=control)
    assert not destination.exists()
    kept = (staged(destination) / "model.safetensors.partial").stat().st_size
    assert 300_000 <= kept < len(WEIGHTS)
    mirror.behaviour.on_weights = lambda _: None
    mirror.behaviour.requests.clear()
    fetch(mirror, destination)
    assert weight_ranges(mirror)[0] == f"bytes={kept}-"
    assert (destination / "model.safetensors").read_bytes() == WEIGHTS


def test_pause_closes_the_connection_and_resume_goes_on(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    control = DownloadControl()
    states: list[str] = []

    def watch(progress: DownloadProgress) -> None:
        states.append(progress.state)
        if progress.state == "paused":
            assert control.paused
            control.resume()

    once = threading.Event()

    def pause_once(start: int) -> None:
        if start and not once.is_set():
            once.set()
            control.pause()

    mirror = mirrors(cut_after=300_000, on_weights=pause_once)
    fetch(mirror, destination, control=control, on_progress=watch)
    assert "paused" in states
    assert (destination / "model.safetensors").read_bytes() == WEIGHTS


def test_bytes_that_are_not_what_the_hash_promises_are_thrown_away(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    with pytest.raises(DownloadError, match="not what its hash promises"):
        fetch(mirrors(lie=WEIGHTS[::-1]), destination)
    assert not destination.exists()
    assert not list(staged(destination).glob("model.*"))


def test_more_bytes_than_announced_are_refused(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    with pytest.raises(DownloadError, match="not what its hash promises"):
        fetch(mirrors(lie=WEIGHTS + b"more"), destination)


def test_a_known_base_is_held_to_the_hash_this_version_knows(
    mirrors: Callable[..., Mirror], destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = hub.KnownBase(REPO, COMMIT, "e" * 64, 1, "Apache-2.0")
    monkeypatch.setattr(hub, "KNOWN_BASES", (pinned,))
    mirror = mirrors()
    with pytest.raises(DownloadError, match="not what its hash promises"):
        fetch(mirror, destination, revision=None)
    assert weight_ranges(mirror) == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_base_says_what_is_needed(
    mirrors: Callable[..., Mirror], destination: Path, status: int
) -> None:
    mirror = mirrors(token="hf_right", gated_status=status)
    with pytest.raises(DownloadError, match=r"gated, private or does not exist.*HF_TOKEN"):
        fetch(mirror, destination)
    with pytest.raises(DownloadError, match="token is not valid") as refused:
        fetch(mirror, destination, token="hf_wrong")
    assert "hf_wrong" not in str(refused.value)
    assert fetch(mirror, destination, token="hf_right") == destination


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "was not found"),
        (410, "answered with status 410"),
        (429, "too many files were asked for"),
        (500, "trouble of its own"),
    ],
)
def test_a_refusal_is_a_sentence(
    mirrors: Callable[..., Mirror], destination: Path, status: int, words: str
) -> None:
    with pytest.raises(DownloadError, match=words):
        fetch(mirrors(status=status), destination)
    assert not destination.parent.exists()


def test_a_redirect_to_another_host_is_followed_without_the_token(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    elsewhere = mirrors()
    target = f"{elsewhere.address}/{REPO}/resolve/{COMMIT}/model.safetensors?signature=secret"
    mirror = mirrors(token="hf_right", redirect_to=target)
    fetch(mirror, destination, token="hf_right")
    ((_, headers),) = elsewhere.behaviour.requests
    assert "authorization" not in headers
    assert all("authorization" in headers for _, headers in mirror.behaviour.requests)


@pytest.mark.parametrize(
    "target", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://127.0.0.1:x/", "?again"]
)
def test_a_redirect_to_nowhere_is_refused(
    mirrors: Callable[..., Mirror], destination: Path, target: str
) -> None:
    with pytest.raises(DownloadError, match=r"not safe|too often|broke off"):
        fetch(mirrors(redirect_to=target), destination)


@pytest.mark.parametrize(
    "tree",
    [
        b"not json",
        b"{}",
        b'[{"type": "file"}]',
        b'[{"type": "file", "path": "config.json", "size": -1, "oid": "0"}]',
        b'[{"type": "file", "path": 5, "size": true, "oid": "' + b"0" * 40 + b'"}]',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_makes_no_sense_is_a_sentence(
    mirrors: Callable[..., Mirror], destination: Path, tree: bytes
) -> None:
    with pytest.raises(DownloadError, match="makes no sense"):
        fetch(mirrors(raw_tree=tree), destination)


def test_file_names_outside_the_list_are_never_asked_for(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    files = small_base()
    for name in (
        "../config.json",
        "C:\\model.safetensors",
        "model-1-of-1.safetensors",
        "config.json.",
    ):
        files[name] = b"{}"
    mirror = mirrors(files=files)
    fetch(mirror, destination)
    assert {path.name for path in destination.iterdir()} == {
        *("config.json", "tokenizer.json", "tokenizer_config.json"),
        *("model.safetensors", "LICENSE", "origin.json"),
    }


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("model.safetensors", "no safetensors weights"),
        ("config.json", "no config.json"),
        ("tokenizer.json", "no tokenizer.json"),
    ],
)
def test_what_is_no_base_is_refused_before_anything_is_fetched(
    mirrors: Callable[..., Mirror], destination: Path, without: str, words: str
) -> None:
    files = {name: data for name, data in small_base().items() if name != without}
    with pytest.raises(DownloadError, match=words):
        fetch(mirrors(files=files), destination)


def test_missing_shards_are_noticed_and_whole_ones_fetched(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    files = {name: data for name, data in small_base().items() if name != "model.safetensors"}
    files["model-00001-of-00002.safetensors"] = b"one"
    files["model.safetensors.index.json"] = b"{}"
    mirror = mirrors(files=files)
    with pytest.raises(DownloadError, match="1 of 2 weight files"):
        fetch(mirror, destination)
    files["model-00002-of-00002.safetensors"] = b"two"
    fetch(mirror, destination)
    assert (destination / "model-00002-of-00002.safetensors").read_bytes() == b"two"


def test_an_architecture_that_cannot_run_is_refused_before_its_weights(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors(files=small_base() | {"config.json": b'{"model_type": "llama"}'})
    with pytest.raises(DownloadError, match="architecture is 'llama'; Expert Studio runs"):
        fetch(mirror, destination)
    assert weight_ranges(mirror) == []


def test_a_disk_without_room_is_noticed_before(
    mirrors: Callable[..., Mirror], destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SimpleNamespace(free=download.SPARE_BYTES)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: free)
    mirror = mirrors()
    with pytest.raises(DownloadError, match="no room for maker/tiny-base"):
        fetch(mirror, destination)
    assert weight_ranges(mirror) == []


def test_a_folder_that_cannot_be_written_is_a_sentence(
    mirrors: Callable[..., Mirror], tmp_path: Path
) -> None:
    (tmp_path / "bases").write_text("a file where a folder should be")
    with pytest.raises(DownloadError, match="could not be written"):
        fetch(mirrors(), tmp_path / "bases" / "tiny-base")


def test_two_downloads_do_not_write_into_one_folder(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    mirror = mirrors()
    refused: list[str] = []

    def try_again(_: int) -> None:
        with pytest.raises(DownloadError) as error:
            fetch(mirror, destination)
        refused.append(str(error.value))

    mirror.behaviour.on_weights = try_again
    fetch(mirror, destination)
    assert ["is being fetched already" in words for words in refused] == [True]


def test_the_claim_of_a_process_that_died_lapses(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    staged(destination).mkdir(parents=True)
    (staged(destination) / download.LOCK_FILE).touch()
    assert fetch(mirrors(), destination) == destination
    assert not (destination / download.LOCK_FILE).exists()


def test_nothing_is_asked_when_the_network_is_switched_off(
    mirrors: Callable[..., Mirror], destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = mirrors()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DownloadError, match="switched off"):
        fetch(mirror, destination)
    assert mirror.behaviour.requests == []


def test_no_server_at_all_is_a_sentence(mirrors: Callable[..., Mirror], destination: Path) -> None:
    mirror = mirrors()
    gone = SimpleNamespace(address=mirror.address.replace("127.0.0.1", "127.0.0.2"))
    with pytest.raises(DownloadError, match="No connection could be made"):
        fetch(gone, destination)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("repo", "revision"),
    [
        ("noslash", "main"),
        ("a/../b", "main"),
        ("a/b/c", "main"),
        ("a/b.", "main"),
        ("a/b", "../x"),
        ("a/b", ""),
    ],
)
def test_names_that_are_none_never_reach_an_address(
    tmp_path: Path, repo: str, revision: str
) -> None:
    with pytest.raises(DownloadError, match=r"is not the name of a base|is not a revision"):
        hub.check_names(repo, revision)


@pytest.mark.parametrize("endpoint", ["ftp://x", "https://user:secret@x", "http://[", "x"])
def test_an_endpoint_that_is_none_is_a_sentence(endpoint: str) -> None:
    with pytest.raises(DownloadError, match="address cannot be used") as error:
        hub.Hub(endpoint)
    assert "secret" not in str(error.value)


def test_a_token_is_not_sent_over_plain_http_nor_repeated_in_errors() -> None:
    with pytest.raises(DownloadError, match="plain http"):
        hub.Hub("http://mirror.example", "hf_abc")
    with pytest.raises(DownloadError, match="cannot be used") as error:
        hub.Hub(None, "hf abc\r\nx: y")
    assert "abc" not in str(error.value)


def test_discarding_removes_what_a_stopped_download_left(
    mirrors: Callable[..., Mirror], destination: Path
) -> None:
    with pytest.raises(DownloadError):
        fetch(mirrors(cut_after=0), destination)
    assert staged(destination).exists()
    download.discard_partial(destination)
    assert list(destination.parent.iterdir()) == []
