"""A sample of this process, and of NVIDIA devices as their driver's library tells them."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from expert_studio.core.telemetry.gpu import Sampler


class Driver:
    """Stands for the NVIDIA library, which a machine without a card does not have."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = 0
        self.lost = False
        self.silent: set[str] = set()
        running = [SimpleNamespace(pid=os.getpid(), usedGpuMemory=3 << 30)]
        answers: dict[str, Any] = {
            "nvmlSystemGetDriverVersion": "580.10",
            "nvmlDeviceGetCount": 2,
            "nvmlDeviceGetHandleByIndex": object(),
            "nvmlDeviceGetName": "NVIDIA GeForce RTX 3060",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=4 << 30, total=12 << 30),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=37),
            "nvmlDeviceGetTemperature": 61,
            "nvmlDeviceGetPowerUsage": 98_500,
            "nvmlDeviceGetComputeRunningProcesses": running,
        }
        for name, answer in answers.items():
            monkeypatch.setattr(pynvml, name, self._answering(name, answer))
        monkeypatch.setattr(pynvml, "nvmlInit", lambda: self._count(1))
        monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: self._count(-1))
        self.running = running

    def _count(self, change: int) -> None:
        self.open += change

    def _answering(self, name: str, answer: Any) -> Any:
        def ask(*_: object) -> Any:
            if name in self.silent:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
            return answer

        return ask


def test_without_a_driver_the_process_is_measured_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    with Sampler() as sampler:
        first, second = sampler.sample(), sampler.sample()
    assert not sampler.has_gpu_driver
    assert first.gpus == ()
    assert first.process.cpu_percent == 0
    assert 10 << 20 < first.process.ram_bytes < first.process.machine_ram_total_bytes
    assert first.process.machine_ram_available_bytes <= first.process.machine_ram_total_bytes
    assert second.taken_at_s >= first.taken_at_s
    assert first.process.cores >= 1


def test_each_card_is_told_in_plain_units(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    with Sampler() as sampler:
        assert sampler.has_gpu_driver
        cards = sampler.sample().gpus
    assert [card.index for card in cards] == [0, 1]
    card = cards[0]
    assert (card.name, card.driver) == ("NVIDIA GeForce RTX 3060", "580.10")
    assert (card.used_bytes, card.total_bytes) == (4 << 30, 12 << 30)
    assert card.used_by_us_bytes == 3 << 30
    assert (card.load_percent, card.temperature_c, card.power_w) == (37.0, 61.0, 98.5)
    sampler.close()
    assert driver.open == 0


def test_what_a_card_does_not_tell_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    driver.silent = {
        "nvmlDeviceGetUtilizationRates",
        "nvmlDeviceGetTemperature",
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetComputeRunningProcesses",
    }
    with Sampler() as sampler:
        card = sampler.sample().gpus[0]
    assert card.load_percent is card.temperature_c is card.power_w is None
    assert card.used_by_us_bytes is None


def test_a_card_that_is_lost_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(monkeypatch)
    with Sampler() as sampler:
        driver.silent = {"nvmlDeviceGetMemoryInfo"}
        assert sampler.sample().gpus == ()


@pytest.mark.parametrize(("pids", "ours"), [([], 0), ([1], None)])
def test_our_share_is_not_guessed(
    monkeypatch: pytest.MonkeyPatch, pids: list[int], ours: int | None
) -> None:
    driver = Driver(monkeypatch)
    driver.running[:] = [SimpleNamespace(pid=pid, usedGpuMemory=1) for pid in pids]
    with Sampler() as sampler:
        assert sampler.sample().gpus[0].used_by_us_bytes == ours


def test_measuring_needs_no_torch() -> None:
    program = (
        "import sys; from expert_studio.core.telemetry.gpu import Sampler\n"
        "with Sampler() as s: s.sample()\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.gpu
def test_the_real_driver_agrees_with_itself() -> None:
    with Sampler() as sampler:
        cards = sampler.sample().gpus
    assert cards
    assert all(card.total_bytes > 0 and card.used_bytes <= card.total_bytes for card in cards)
