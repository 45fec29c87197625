"""Pre-trains the base on packed tokens, on CPU cores or a GPU, and can be stopped at any step.

Knows optimizers, schedule and checkpoints; knows nothing of chat tuning or experts. Muon
(Jordan et al. 2024; `torch.optim.Muon`) for the matrices inside layers, AdamW for embeddings
and norms. On a CPU each core is a process of its own with its own rows, which meet once a
step: threads that meet after every product wait for one another as soon as the machine has
anything else to do. Each process updates its part of the shared parameters.

The rate is constant after the warm-up; with `--minutes` it then falls linearly to 2 % over the
last `--falling` of that time, whatever the machine manages in it. The log says how many steps
that were.

    python resources/base/build/pretrain.py --work .pretraining --start ../shared/base/stable
    python resources/base/build/pretrain.py --work .pretraining            # goes on
    python resources/base/build/pretrain.py --work .pretraining --run long --length 4096 \
        --start .pretraining/constant --rate 4e-4 --minutes 5 --falling 1
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as processes
from arithmetic import Body, Shape
from pretrain_rows import Rows
from safetensors.torch import load_file, save_file

BASE = Path(__file__).resolve().parents[1]
WARM_UP_STEPS = 40
LEAST_RATE = 0.02
SAVE_EVERY_S = 300.0
SAY_EVERY = 10


@dataclass(slots=True)
class Progress:
    """How far a run is; `loss` is the running mean in nats a token."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = 0.0


def read_shape() -> Shape:
    """The base's architecture."""
    said = json.loads((BASE / "config.json").read_text())
    return Shape(
        said["num_hidden_layers"],
        said["num_attention_heads"],
        said["num_key_value_heads"],
        said["head_dim"],
        said["rope_parameters"]["rope_theta"],
        said["rms_norm_eps"],
    )


class Shared:
    """Parameters and gradients of all processes, in memory that they share."""

    def __init__(self, weights: dict[str, torch.Tensor], workers: int) -> None:
        self.sizes = {name: tuple(weight.shape) for name, weight in weights.items()}
        flat = torch.cat([weight.float().flatten() for weight in weights.values()])
        self.flat = flat.share_memory_()
        self.gradients = torch.zeros(workers, flat.numel()).share_memory_()
        self.figures = torch.zeros(workers, 2, dtype=torch.float64).share_memory_()
        self.clock = torch.zeros(2, dtype=torch.float64).share_memory_()

    def views(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """The named tensors in one flat one."""
        found, at = {}, 0
        for name, size in self.sizes.items():
            end = at + int(torch.Size(size).numel())
            found[name] = flat[at:end].view(size)
            at = end
        return found


def shares_of_work(weights: dict[str, torch.Tensor], workers: int) -> list[list[str]]:
    """Which process updates which parameters; matrices of layers cost more by Muon."""
    cost = {
        n: w.numel() * (3 if w.ndim == 2 and ".layers." in n else 1) for n, w in weights.items()
    }
    parts: list[list[str]] = [[] for _ in range(workers)]
    load = [0] * workers
    for name in sorted(cost, key=lambda n: -cost[n]):
        least = load.index(min(load))
        parts[least].append(name)
        load[least] += cost[name]
    return parts


def optimizers(weights: dict[str, torch.Tensor], rate: float) -> list[torch.optim.Optimizer]:
    """Muon for matrices inside layers, AdamW for the rest."""
    inside = [w for n, w in weights.items() if w.ndim == 2 and ".layers." in n]
    rest = [w for n, w in weights.items() if not (w.ndim == 2 and ".layers." in n)]
    found: list[torch.optim.Optimizer] = []
    if inside:
        found.append(
            torch.optim.Muon(
                inside, lr=rate, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
            )
        )
    if rest:
        found.append(torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.95), weight_decay=0.0))
    return found


def rate_at(given: argparse.Namespace, step: int, spent_s: float) -> float:
    """The learning rate of a step that begins so long after the run did."""
    rate: float = given.rate * min(1.0, (step + 1) / WARM_UP_STEPS)
    if given.minutes:
        left = 1 - spent_s / (given.minutes * 60)
        rate *= min(1.0, max(LEAST_RATE, left / given.falling))
    return rate


class Worker:
    """One process: its rows' gradients, then its share of the update."""

    def __init__(self, rank: int, given: argparse.Namespace, shared: Shared, barrier: Any) -> None:
        self._rank, self._given, self._shared, self._barrier = rank, given, shared, barrier
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        flat = shared.flat if self._device.type == "cpu" else shared.flat.to(self._device)
        self._weights = {n: view.requires_grad_() for n, view in shared.views(flat).items()}
        self._body = Body(self._weights, read_shape(), given.length, given.fuse)
        names = shares_of_work(self._weights, given.workers)[rank]
        self._mine = {name: self._weights[name] for name in names}
        self._optims = optimizers(self._mine, given.rate)
        _restore(given, rank, self._optims)
        self._rows = Rows(given.work, given.length)

    def run(self, kept: Progress) -> None:
        """Learns until the time is up or the run is told to end."""
        progress, began, saved = replace(kept), time.monotonic(), time.monotonic()
        while not self._is_over(began):
            rate = rate_at(self._given, progress.step - kept.step, float(self._shared.clock[0]))
            mean = self._step(progress.step, rate)
            progress.loss = 0.97 * (progress.loss or mean) + 0.03 * mean
            progress.step += 1
            progress.tokens += self._given.rows * self._given.length
            progress.seconds = kept.seconds + time.monotonic() - began
            if self._rank == 0 and progress.step % SAY_EVERY == 0:
                speed = (progress.tokens - kept.tokens) / (time.monotonic() - began)
                print(
                    f"step {progress.step} loss {progress.loss:.4f} rate {rate:.5f} "
                    f"{speed:.0f} tokens/s",
                    flush=True,
                )
            if self._rank == 0 and time.monotonic() - saved > SAVE_EVERY_S:
                saved = time.monotonic()
                save(self._given, self._weights, progress)
        _keep(self._given, self._rank, self._optims)
        if self._rank == 0:
            save(self._given, self._weights, progress)
            self._log(progress)

    def _is_over(self, began: float) -> bool:
        """Whether all end now: the first process reads the clock, for all the same."""
        self._barrier.wait()
        if self._rank == 0:
            self._shared.clock[0] = time.monotonic() - began
            if self._given.minutes and self._shared.clock[0] > self._given.minutes * 60:
                self._shared.clock[1] = 1
        self._barrier.wait()
        return bool(self._shared.clock[1])

    def _step(self, step: int, rate: float) -> float:
        """One update; returns the mean loss over all processes' rows."""
        given, shared = self._given, self._shared
        own = given.rows // given.workers
        batch = self._rows.batch(step, given.rows)[self._rank * own : (self._rank + 1) * own]
        scale = 1 / (given.rows * given.length)
        parts = batch.split(given.at_once)
        loss = sum(self._body.learn(part.to(self._device), scale) for part in parts)
        shared.figures[self._rank, 0] = loss * scale
        if given.workers == 1:
            torch.nn.utils.clip_grad_norm_(list(self._weights.values()), 1.0)
        else:
            _meet(self._rank, shared, self._weights, self._mine, self._barrier)
        for optim in self._optims:
            for group in optim.param_groups:
                group["lr"] = rate
            optim.step()
        for weight in self._weights.values():
            weight.grad = None
        self._barrier.wait()
        return float(shared.figures[:, 0].sum())

    def _log(self, progress: Progress) -> None:
        measured = {}
        for kind, rows in self._rows.measured().items():
            told = [self._body.losses(part.to(self._device)) for part in rows.split(2)]
            measured[kind] = round(float(torch.cat(told).mean()), 4)
        said = {"run": self._given.run, "length": self._given.length, **asdict(progress)}
        line = json.dumps(said | {"held_out": measured})
        with (self._given.work / "log.jsonl").open("a") as log:
            log.write(line + "\n")
        print(line, flush=True)


def work(
    rank: int, given: argparse.Namespace, shared: Shared, barrier: Any, kept: Progress
) -> None:
    """What each process runs."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # all end after the same step
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    Worker(rank, given, shared, barrier).run(kept)


def _meet(
    rank: int,
    shared: Shared,
    weights: dict[str, torch.Tensor],
    mine: dict[str, torch.Tensor],
    barrier: Any,
) -> None:
    """Sums what all processes found for this one's parameters, and clips by the common norm."""
    for name, place in shared.views(shared.gradients[rank]).items():
        place.copy_(weights[name].grad)
    barrier.wait()
    others = [shared.views(gradient) for gradient in shared.gradients]
    square = 0.0
    for name, weight in mine.items():
        weight.grad = torch.stack([other[name] for other in others]).sum(0)
        square += float(weight.grad.square().sum())
    shared.figures[rank, 1] = square
    barrier.wait()
    factor = min(1.0, 1 / (float(shared.figures[:, 1].sum()) ** 0.5 + 1e-6))
    for weight in mine.values():
        weight.grad.mul_(factor)


def save(given: argparse.Namespace, weights: dict[str, torch.Tensor], progress: Progress) -> None:
    """Writes the weights and how far the run is, each by one rename."""
    to = given.work / given.run
    to.mkdir(parents=True, exist_ok=True)
    half = {n: w.detach().to("cpu", torch.bfloat16).contiguous() for n, w in weights.items()}
    save_file(half, to / "model.partial", metadata={"format": "pt"})
    (to / "model.partial").replace(to / "model.safetensors")
    (to / "progress.partial").write_text(json.dumps(asdict(progress)) + "\n")
    (to / "progress.partial").replace(to / "progress.json")


def _keep(given: argparse.Namespace, rank: int, optims: list[torch.optim.Optimizer]) -> None:
    to = given.work / given.run
    to.mkdir(parents=True, exist_ok=True)
    torch.save([optim.state_dict() for optim in optims], to / f"optim-{rank}-{given.workers}.pt")


def _restore(given: argparse.Namespace, rank: int, optims: list[torch.optim.Optimizer]) -> None:
    stored = given.work / given.run / f"optim-{rank}-{given.workers}.pt"
    if stored.exists():
        for optim, state in zip(optims, torch.load(stored, weights_only=True), strict=True):
            optim.load_state_dict(state)


def main() -> None:
    given = _arguments()
    run: Path = given.work / given.run
    progress = Progress()
    if (run / "progress.json").exists():
        progress = Progress(**json.loads((run / "progress.json").read_text()))
    start = run if (run / "model.safetensors").exists() else given.start
    shared = Shared(load_file(start / "model.safetensors"), given.workers)
    barrier = processes.get_context("spawn").Barrier(given.workers)
    print(json.dumps({"pid": os.getpid(), "from": str(start), **asdict(progress)}), flush=True)
    signal.signal(signal.SIGTERM, lambda *_: shared.clock[1].fill_(1))
    processes.spawn(work, (given, shared, barrier, progress), nprocs=given.workers)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    gpu = torch.cuda.is_available()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--run", default="constant", help="folder of checkpoints below --work")
    parser.add_argument("--start", type=Path, default=BASE)
    parser.add_argument("--length", type=int, default=1024, help="tokens a row")
    parser.add_argument("--rows", type=int, default=4, help="rows a step, of all processes")
    parser.add_argument("--at-once", type=int, default=2, help="rows a process works on at a time")
    parser.add_argument("--rate", type=float, default=4e-3, help="learning rate")
    parser.add_argument("--minutes", type=float, default=0.0, help="0: until stopped")
    parser.add_argument("--falling", type=float, default=0.6, help="share of --minutes")
    parser.add_argument("--workers", type=int, default=1 if gpu else os.cpu_count() or 1)
    parser.add_argument("--fuse", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
