"""Time and memory of one torch device, as every torch engine of a benchmark is measured.

Knows nothing of what is measured.
"""

from __future__ import annotations

import torch

from expert_studio.core.inference.engine_bench_child import Clock, peak_mb, reset_peak


class Stopwatch:
    """Times that wait for the device; the peak is torch's own on a GPU, else the process's."""

    def __init__(self, device: str, threads: int) -> None:
        """threads: what torch may use of the processor from now on."""
        torch.set_num_threads(threads)
        self._cuda = torch.device(device).type == "cuda"

    def start(self) -> Clock:
        self._wait()
        return Clock()

    def ms(self, clock: Clock) -> float:
        self._wait()
        return clock.ms

    def reset_peak(self) -> None:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
        else:
            reset_peak()

    def peak_mb(self) -> float | None:
        """Of allocated device memory, or of resident memory, since `reset_peak`, in MB."""
        return torch.cuda.max_memory_allocated() / 1e6 if self._cuda else peak_mb()

    def _wait(self) -> None:
        if self._cuda:
            torch.cuda.synchronize()
