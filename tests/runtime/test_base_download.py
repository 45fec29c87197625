"""A base fetched beside the event loop, from a real server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from expert_studio.core.errors import DownloadError
from expert_studio.core.inference.download import DownloadProgress, Patience, base_destination
from expert_studio.runtime.base_download import BaseDownload, DownloadOrder
from tests.hub_mirror import COMMIT, REPO, WEIGHTS, Behaviour, Mirror, small_base

HASTY = Patience(stall_s=0.3, attempts=3, pause_s=0.01)

WAIT_MS = 20_000


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "EXPERT_STUDIO_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    opened = Mirror(Behaviour(small_base()))
    yield opened
    opened.close()


@pytest.fixture
def download(qtbot: QtBot, tmp_path: Path) -> Iterator[BaseDownload]:
    made = BaseDownload(tmp_path / "bases")
    yield made
    made.close()


def order(mirror: Mirror, tmp_path: Path, revision: str = COMMIT) -> DownloadOrder:
    destination = base_destination(tmp_path / "bases", REPO)
    return DownloadOrder(REPO, revision, destination, mirror.address, HASTY)


def test_it_tells_how_far_it_is_and_where_the_base_lies(
    qtbot: QtBot, download: BaseDownload, mirror: Mirror, tmp_path: Path
) -> None:
    told: list[DownloadProgress] = []
    download.progressed.connect(told.append)
    with qtbot.waitSignals(
        [download.started, download.finished, download.ended], timeout=WAIT_MS, order="strict"
    ):
        download.start_order(order(mirror, tmp_path))
        assert download.running
        assert download.repo == REPO
    assert not download.running
    folder = base_destination(tmp_path / "bases", REPO)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert told[-1].bytes_done == told[-1].bytes_total > len(WEIGHTS)


def test_paused_it_waits_and_resumed_it_goes_on(
    qtbot: QtBot, download: BaseDownload, mirror: Mirror, tmp_path: Path
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hold(_: int) -> None:
        asked.set()
        go_on.wait(10)

    mirror.behaviour.on_weights = hold
    download.start_order(order(mirror, tmp_path))
    qtbot.waitUntil(asked.is_set, timeout=WAIT_MS)
    with qtbot.waitSignal(
        download.progressed, timeout=WAIT_MS, check_params_cb=lambda p: p.state == "paused"
    ):
        download.pause()
        go_on.set()
    assert download.paused
    assert not (base_destination(tmp_path / "bases", REPO)).exists()
    with qtbot.waitSignal(download.finished, timeout=WAIT_MS):
        download.resume()
    qtbot.waitUntil(lambda: not download.running, timeout=WAIT_MS)


def test_stopped_it_keeps_what_came_and_the_next_start_goes_on(
    qtbot: QtBot, download: BaseDownload, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.behaviour.on_weights = lambda _: download.stop()
    with qtbot.waitSignals([download.stopped, download.ended], timeout=WAIT_MS, order="strict"):
        download.start_order(order(mirror, tmp_path))
    assert list((tmp_path / "bases").glob(".*.staging"))
    mirror.behaviour.on_weights = lambda _: None
    with qtbot.waitSignals([download.finished, download.ended], timeout=WAIT_MS):
        download.start_order(order(mirror, tmp_path))
    ranges = [h.get("range", "") for p, h in mirror.behaviour.requests if p.endswith("safetensors")]
    assert ranges[0] == ""


def test_a_failure_is_a_sentence_and_another_may_start(
    qtbot: QtBot, download: BaseDownload, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.behaviour.status = 404
    with (
        qtbot.waitSignal(download.ended, timeout=WAIT_MS),
        qtbot.waitSignal(download.failed, timeout=WAIT_MS) as failed,
    ):
        download.start_order(order(mirror, tmp_path))
    assert isinstance(failed.args[0], DownloadError)
    assert "was not found" in str(failed.args[0])
    mirror.behaviour.status = None
    with qtbot.waitSignals([download.finished, download.ended], timeout=WAIT_MS):
        download.start_order(order(mirror, tmp_path))


def test_a_name_that_is_none_is_refused_before_anything_starts(download: BaseDownload) -> None:
    with pytest.raises(DownloadError, match="not the name of a base"):
        download.start("../../etc/passwd")
    assert not download.running


def test_closing_ends_it_while_it_waits(
    qtbot: QtBot, download: BaseDownload, mirror: Mirror, tmp_path: Path
) -> None:
    asked = threading.Event()
    mirror.behaviour.stall_once = True
    mirror.behaviour.on_weights = lambda _: asked.set()
    download.start_order(order(mirror, tmp_path))
    qtbot.waitUntil(asked.is_set, timeout=WAIT_MS)
    download.pause()
    download.close()
    assert not download.running
