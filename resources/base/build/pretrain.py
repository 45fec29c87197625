"""Pre-trains the base on packed tokens, on a CPU or a GPU, and can be stopped at any step.

Knows token files (prepare.py) and a Qwen3 checkpoint; knows nothing of chat
tuning or experts. Muon (Jordan et al. 2024; `torch.optim.Muon`) for the matrices
inside layers, AdamW for embeddings and norms. Constant learning rate after the
warm-up, so that a run can go on for as long as there is time; `--anneal N` takes
the rate down linearly over N more steps into a checkpoint of its own and leaves
the constant-rate one as it is.

    python resources/base/build/pretrain.py --work .pretraining --start ../shared/base/stable
    python resources/base/build/pretrain.py --work .pretraining            # goes on
    python resources/base/build/pretrain.py --work .pretraining --anneal 800
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

BASE = Path(__file__).resolve().parents[1]
# How often a kind is seen against its share of the corpus: what the experts work
# on counts more than novels do.
KIND_WEIGHT = {
    "english": 0.6, "dialogue": 0.5, "json": 1.5, "instruction": 2.0, "chat": 4.0,
    "cypher": 2.0, "sql": 2.0, "config": 1.5, "csv": 1.0, "html": 1.5, "shell": 1.5,
}  # fmt: skip
LEARNING_RATE = 4e-3
WARM_UP_STEPS = 100
SAVE_EVERY_S = 600.0
MEASURE_EVERY_S = 1800.0


class Rows:
    """Random rows of one length from the token files, by kind, seeded by the step."""

    def __init__(self, work: Path, length: int) -> None:
        files = sorted(work.glob("*.tokens"))
        self._train = {
            f.stem: np.memmap(f, dtype="<u2", mode="r")
            for f in files
            if not f.name.endswith(".held-out.tokens")
        }
        self.held_out = {
            f.name.removesuffix(".held-out.tokens"): np.fromfile(f, dtype="<u2")
            for f in files
            if f.name.endswith(".held-out.tokens")
        }
        self._length = length
        self._kinds = [k for k, ids in self._train.items() if ids.size > length + 1]
        share = np.array([self._train[k].size * KIND_WEIGHT.get(k, 1.0) for k in self._kinds])
        self._share = share / share.sum()

    def batch(self, step: int, rows: int) -> torch.Tensor:
        """(rows, length + 1) int64; the same step always gives the same rows."""
        draw = np.random.default_rng([20261120, step])
        chosen = draw.choice(len(self._kinds), size=rows, p=self._share)
        out = np.empty((rows, self._length + 1), dtype=np.int64)
        for row, kind in enumerate(chosen):
            ids = self._train[self._kinds[kind]]
            at = int(draw.integers(0, ids.size - self._length - 1))
            out[row] = ids[at : at + self._length + 1]
        return torch.from_numpy(out)


def load_model(folder: Path, device: torch.device) -> Qwen3ForCausalLM:
    """The base's architecture with the folder's weights, in fp32."""
    config = Qwen3Config.from_dict(json.loads((BASE / "config.json").read_text()))
    config._attn_implementation = "sdpa"
    model = Qwen3ForCausalLM(config)
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise SystemExit(f"{folder} does not fit: missing {missing}, unexpected {unexpected}.")
    model.tie_weights()
    return model.to(device)


def optimizers(model: Qwen3ForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for matrices inside layers, AdamW for the rest (../README.md of the first run)."""
    inside = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." in n]
    chosen = {id(p) for p in inside}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(
            inside,
            lr=LEARNING_RATE,
            momentum=0.95,
            weight_decay=0.05,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(rest, lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def loss_of(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy in nats a token over (rows, length + 1)."""
    with torch.autocast(ids.device.type, dtype=torch.bfloat16):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())


@torch.no_grad()
def measure(
    model: torch.nn.Module, rows: Rows, length: int, device: torch.device
) -> dict[str, float]:
    """Held-out nats a token by kind, over at most 16 rows a kind."""
    found: dict[str, float] = {}
    for kind, ids in rows.held_out.items():
        count = min(16, ids.size // (length + 1))
        if count == 0:
            continue
        part = ids[: count * (length + 1)].astype(np.int64).reshape(count, length + 1)
        losses = [
            float(loss_of(model, torch.from_numpy(part[i : i + 4]).to(device)))
            for i in range(0, count - count % 4 or count, 4)
        ]
        found[kind] = round(sum(losses) / len(losses), 4)
    return found


def save(
    model: Qwen3ForCausalLM, optims: list[torch.optim.Optimizer], state: dict, to: Path
) -> None:
    """Writes a checkpoint that `main` resumes from, by one rename."""
    to.mkdir(parents=True, exist_ok=True)
    partial = to / "resume.partial"
    torch.save(
        {"model": model.state_dict(), "optims": [o.state_dict() for o in optims], **state}, partial
    )
    partial.replace(to / "resume.pt")
    weights = {
        name: tensor.detach().to("cpu", torch.bfloat16).contiguous()
        for name, tensor in model.state_dict().items()
        if name != "lm_head.weight"
    }
    save_file(weights, to / "model.partial", metadata={"format": "pt"})
    (to / "model.partial").replace(to / "model.safetensors")


def main() -> None:
    given = _arguments()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    run = given.work / "constant"
    state = {"step": 0, "tokens": 0, "seconds": 0.0}
    model = load_model(run if (run / "model.safetensors").exists() else given.start, device)
    optims = optimizers(model)
    if (run / "resume.pt").exists():
        kept = torch.load(run / "resume.pt", map_location=device, weights_only=True)
        model.load_state_dict(kept["model"])
        for optim, stored in zip(optims, kept["optims"], strict=True):
            optim.load_state_dict(stored)
        state = {key: kept[key] for key in state}
    rows = Rows(given.work, given.length)
    compiled = torch.compile(model) if given.compile else model
    _train(given, model, compiled, optims, rows, state, device, run)


def _train(given, model, compiled, optims, rows, state, device, run) -> None:  # type: ignore[no-untyped-def]
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    first, began = state["step"], time.monotonic()
    spent, saved, measured = state["seconds"], began, 0.0
    last = first + given.anneal if given.anneal else math.inf
    folder = given.work / f"annealed-{first}" if given.anneal else run
    average = None
    while not stopped and state["step"] < last and time.monotonic() - began < given.hours * 3600:
        rate = LEARNING_RATE * min(1.0, (state["step"] + 1) / WARM_UP_STEPS)
        if given.anneal:
            rate = LEARNING_RATE * max(0.02, 1 - (state["step"] - first) / given.anneal)
        for optim in optims:
            for group in optim.param_groups:
                group["lr"] = rate
        loss = loss_of(compiled, rows.batch(state["step"], given.rows).to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optim in optims:
            optim.step()
            optim.zero_grad(set_to_none=True)
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        state["step"] += 1
        state["tokens"] += given.rows * given.length
        state["seconds"] = spent + time.monotonic() - began
        if state["step"] % 50 == 0:
            rate_s = (
                (state["step"] - first) * given.rows * given.length / (time.monotonic() - began)
            )
            print(f"step {state['step']} loss {average:.4f} {rate_s:.0f} tokens/s", flush=True)
        if time.monotonic() - saved > SAVE_EVERY_S:
            save(model, optims, state, folder)
            saved = time.monotonic()
        if time.monotonic() - measured > MEASURE_EVERY_S and state["step"] > first + 50:
            _log(
                given.work,
                {
                    **state,
                    "train": average,
                    "held_out": measure(compiled, rows, given.length, device),
                },
            )
            measured = time.monotonic()
    save(model, optims, state, folder)
    _log(given.work, {**state, "train": average, "folder": folder.name,
                      "held_out": measure(compiled, rows, given.length, device)})  # fmt: skip


def _log(work: Path, entry: dict[str, object]) -> None:
    with (work / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--start", type=Path, default=BASE)
    parser.add_argument("--length", type=int, default=1024, help="tokens a row")
    parser.add_argument("--rows", type=int, default=4, help="rows a step")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--anneal", type=int, default=0, help="steps of falling learning rate")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
