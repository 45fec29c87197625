"""Switched off, nothing leaves this machine: neither the hub nor a provider is dialled."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from expert_studio.core import network
from expert_studio.core.datasets.provider_address import GuardedDialler, parse_address
from expert_studio.core.datasets.provider_failure import AddressRefused
from expert_studio.core.errors import DownloadError
from expert_studio.core.inference.hub import Hub
from tests.hub_mirror import COMMIT, REPO, Behaviour, Mirror, small_base


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", network.FROM_OUTSIDE, network.FROM_SETTINGS):
        monkeypatch.delenv(name, raising=False)


def test_the_hub_is_not_asked_once_it_is_off() -> None:
    mirror = Mirror(Behaviour(small_base()))
    try:
        with Hub(mirror.address) as hub:
            assert hub.commit(REPO, COMMIT) == COMMIT
            asked = len(mirror.behaviour.requests)
            network.switch(off=True)
            with pytest.raises(DownloadError, match="switched off in the settings"):
                hub.files(REPO, COMMIT)
            assert len(mirror.behaviour.requests) == asked
            network.switch(off=False)
            assert hub.files(REPO, COMMIT)
    finally:
        mirror.close()


def test_a_providers_name_is_not_even_looked_up() -> None:
    looked_up: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["93.184.216.34"]

    network.switch(off=True)
    dialler = GuardedDialler(parse_address("https://api.example.com/v1"), resolve)
    with pytest.raises(AddressRefused, match="switched off"):
        asyncio.run(dialler.connect_tcp("api.example.com", 443))
    assert looked_up == []


def test_a_server_on_this_machine_stays_reachable() -> None:
    mirror = Mirror(Behaviour(small_base()))

    async def dial() -> None:
        dialler = GuardedDialler(parse_address(mirror.address))
        port = int(mirror.address.rpartition(":")[2])
        stream = await dialler.connect_tcp("127.0.0.1", port, 5.0)
        await stream.aclose()

    try:
        network.switch(off=True)
        asyncio.run(dial())
    finally:
        mirror.close()


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.0.0.9", True), ("[::1]", True), ("10.0.0.1", False),
     ("example.com", False), ("127.0.0.1.example.com", False)],
)  # fmt: skip
def test_only_this_machine_is_this_machine(host: str, here: bool) -> None:
    assert network.is_this_machine(host) is here


def test_child_processes_keep_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    child = "from expert_studio.core import network; print(network.is_off(), network.why_off())"
    network.switch(off=True)
    said = _child(child)
    assert said == "True The network is switched off in the settings."
    monkeypatch.setenv(network.FROM_OUTSIDE, "yes")
    network.switch(off=False)
    assert _child(child) == f"True The network is switched off by {network.FROM_OUTSIDE}."


def _child(code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
        env=os.environ,
    )
    return ended.stdout.strip()
