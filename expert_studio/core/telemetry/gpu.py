"""One sample of what this process and the graphics cards use.

Knows nothing of models, of Qt or of how often to ask. Reads the driver's NVML library
(nvidia-ml-py) and psutil; starts no CUDA context, so that asking costs no device memory.
Without an NVIDIA driver `gpus` is empty and the process figures remain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import psutil
import pynvml

Figure = TypeVar("Figure")


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One NVIDIA device. None stands for what this card or driver does not tell."""

    index: int  # as NVML counts, which CUDA_VISIBLE_DEVICES does not change
    name: str
    driver: str
    used_bytes: int  # by every process
    total_bytes: int
    used_by_us_bytes: int | None
    load_percent: float | None  # 0 to 100
    temperature_c: float | None
    power_w: float | None


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """This process and the machine it runs on."""

    ram_bytes: int  # resident, of this process
    cpu_percent: float  # of one core, since the sample before; 0 in the first
    machine_ram_total_bytes: int
    machine_ram_available_bytes: int
    cores: int


@dataclass(frozen=True, slots=True)
class DeviceSample:
    """What `Sampler.sample` answers."""

    taken_at_s: float  # monotonic clock
    process: ProcessSample
    gpus: tuple[GpuSample, ...]


class Sampler:
    """Keeps the driver's library open between samples. One thread at a time.

    Close it, or use it in a `with` block.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._process.cpu_percent()  # starts its clock
        self._first = True
        try:
            pynvml.nvmlInit()
            self._driver: str | None = str(pynvml.nvmlSystemGetDriverVersion())
        except pynvml.NVMLError:  # no NVIDIA driver: a machine like most
            self._driver = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def has_gpu_driver(self) -> bool:
        """Whether an NVIDIA driver answers on this machine."""
        return self._driver is not None

    def sample(self) -> DeviceSample:
        """Takes one sample; a few milliseconds with a driver, under one without."""
        return DeviceSample(time.monotonic(), self._process_sample(), self._gpu_samples())

    def close(self) -> None:
        """Gives the driver's library back. Harmless twice."""
        if self._driver is not None:
            self._driver = None
            _told(pynvml.nvmlShutdown)

    def _process_sample(self) -> ProcessSample:
        machine = psutil.virtual_memory()
        cpu_percent = self._process.cpu_percent()
        if self._first:
            self._first, cpu_percent = False, 0.0
        return ProcessSample(
            ram_bytes=int(self._process.memory_info().rss),
            cpu_percent=float(cpu_percent),
            machine_ram_total_bytes=int(machine.total),
            machine_ram_available_bytes=int(machine.available),
            cores=psutil.cpu_count() or 1,
        )

    def _gpu_samples(self) -> tuple[GpuSample, ...]:
        driver = self._driver
        if driver is None:
            return ()
        count = _told(pynvml.nvmlDeviceGetCount) or 0
        samples = (self._gpu_sample(index, driver) for index in range(count))
        return tuple(sample for sample in samples if sample is not None)

    def _gpu_sample(self, index: int, driver: str) -> GpuSample | None:
        """None for a device that was lost, or is not ours to ask."""
        device = _told(lambda: pynvml.nvmlDeviceGetHandleByIndex(index))
        memory = _told(lambda: pynvml.nvmlDeviceGetMemoryInfo(device)) if device else None
        if memory is None:
            return None
        rates = _told(lambda: pynvml.nvmlDeviceGetUtilizationRates(device))
        heat = _told(lambda: pynvml.nvmlDeviceGetTemperature(device, pynvml.NVML_TEMPERATURE_GPU))
        power_mw = _told(lambda: pynvml.nvmlDeviceGetPowerUsage(device))
        return GpuSample(
            index=index,
            name=str(_told(lambda: pynvml.nvmlDeviceGetName(device)) or "NVIDIA GPU"),
            driver=driver,
            used_bytes=int(memory.used),
            total_bytes=int(memory.total),
            used_by_us_bytes=self._used_by_us(device),
            load_percent=None if rates is None else float(rates.gpu),
            temperature_c=None if heat is None else float(heat),
            power_w=None if power_mw is None else power_mw / 1000,
        )

    def _used_by_us(self, device: Any) -> int | None:
        running = _told(lambda: pynvml.nvmlDeviceGetComputeRunningProcesses(device))
        if running is None:
            return None
        # a container's process numbers are not the driver's: then none is ours and 0 would lie
        ours = [process.usedGpuMemory for process in running if process.pid == self._process.pid]
        if not ours:
            return 0 if not running else None
        return None if ours[0] is None else int(ours[0])


def _told(ask: Callable[[], Figure]) -> Figure | None:
    """What NVML answers, or None where this card or driver cannot say."""
    try:
        return ask()
    except pynvml.NVMLError:
        return None
