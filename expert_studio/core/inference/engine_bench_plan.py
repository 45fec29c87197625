"""What a benchmark of composed experts measures, and how much disk it takes.

One measurement, of one engine with so many experts, in this order:

| figure | from | to |
| --- | --- | --- |
| load_cold_ms | no expert in memory, their files not in the system's cache | all on, ready |
| load_hot_ms | all in RAM (on a GPU: ours not on the device), another one on | all on, ready |
| swap_ms | all on | the same number on, the first replaced by one in memory; median of six |
| ttft_ms | a prompt no cache knows | its first token |
| decode_tok_s | the first token | the last, greedy |
| peak_mb | the experts' loading | the end; resident memory, on a GPU torch's allocated |

llama.cpp and PEFT put off what a swap costs to the next token; ours does it at once. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from expert_studio.core.errors import UsageError
from expert_studio.core.experts.adapter_config import MAX_RANK
from expert_studio.core.inference.decoder_shape import DecoderShape
from expert_studio.core.inference.engine_bench_child import WARM_TOKENS
from expert_studio.core.inference.engine_bench_files import (
    BYTES_A_VALUE,
    QWEN3_06B,
    adapter_values,
    base_bytes,
)
from expert_studio.core.inference.stack import MAX_EXPERTS
from expert_studio.core.settings import Quantization

EngineName = Literal["studio", "peft", "llamacpp"]
PEERS: tuple[EngineName, ...] = ("peft", "llamacpp")
SHAPES = ("bundled", "qwen3-0.6b")
QUANTIZATIONS: tuple[Quantization, ...] = ("int4", "nf4", "bf16")
Q4_SHARE = 0.35  # of a bf16 file's size, with the token table in six bits
FEWEST_TOKENS = 8  # fewer say nothing of speed


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What is asked for."""

    shape: str  # one of SHAPES
    counts: tuple[int, ...]  # of experts, ascending
    quantization: Quantization
    engines: tuple[EngineName, ...]  # ours first
    device: str  # "cpu", "cuda", "cuda:0"
    rounds: int
    tokens: int  # said after each prompt
    prompt_tokens: int
    context: int  # positions the peak is taken with; 0: those of the timed answer
    rank: int
    threads: int

    @property
    def experts(self) -> int:
        """Made: the most that are on at once, and one to swap in."""
        return max(self.counts) + 1 if max(self.counts) else 0

    @property
    def long_prompt(self) -> int:
        """Tokens of the prompt that fills the context but for a short answer; 0 for none."""
        return max(0, self.context - WARM_TOKENS)

    @property
    def room(self) -> int:
        """Positions an answer may need."""
        return max(self.context, self.prompt_tokens + self.tokens) + 16


def read_counts(text: str) -> tuple[int, ...]:
    """ "0,1,10" as numbers, ascending, each once.

    Raises:
        UsageError: it is no such list, or one is beyond what a stack holds.
    """
    try:
        counts = sorted({int(part) for part in text.split(",")})
    except ValueError:
        counts = [-1]
    if counts[0] < 0 or counts[-1] > MAX_EXPERTS:
        raise UsageError(
            f"--experts cannot be {text!r}.",
            f"It is a list of numbers from 0 to {MAX_EXPERTS}.",
            "Such as: --experts 0,1,10",
        )
    return tuple(counts)


def read_peers(text: str) -> tuple[EngineName, ...]:
    """ "peft,llamacpp" as the engines to measure, ours first; "" and "none" mean ours alone.

    Raises:
        UsageError: one is unknown.
    """
    wanted = {part.strip() for part in text.split(",")} - {"", "none"}
    unknown = sorted(wanted - set(PEERS))
    if unknown:
        raise UsageError(
            f"There is no peer {unknown[0]!r}.",
            f"Those that can be measured are {' and '.join(PEERS)}.",
        )
    return ("studio", *(peer for peer in PEERS if peer in wanted))


def check_plan(plan: BenchPlan) -> None:
    """Raises UsageError: a number is out of its range, or a name is unknown."""
    _one_of("--shape", plan.shape, SHAPES)
    _one_of("--quant", plan.quantization, QUANTIZATIONS)
    kind = plan.device.partition(":")[0]
    _one_of("--device", kind, ("cpu", "cuda"))
    if kind != "cpu" and plan.quantization == "int4":
        raise UsageError(
            "--quant cannot be int4 on a GPU.",
            "Its kernel runs on a CPU only.",
            "Choose nf4, which is as small, or bf16.",
        )
    _within("--rounds", plan.rounds, 1, 100)
    _within("--tokens", plan.tokens, FEWEST_TOKENS, 4096)
    _within("--prompt", plan.prompt_tokens, 16, 8192)
    _within("--rank", plan.rank, 1, MAX_RANK)
    _within("--threads", plan.threads, 1, 1024)
    _within("--context", plan.context, 0, 131_072)


def disk_bytes(plan: BenchPlan, shape: DecoderShape, makes_base: bool, base_size: int) -> int:
    """What lies in the temporary folder at most.

    Args:
        makes_base: whether the base is written there, else it is a person's own.
        base_size: of its bf16 weights.
    """
    expert = adapter_values(shape, plan.rank) * BYTES_A_VALUE
    needed = plan.experts * expert + (base_size if makes_base else 0)
    if "llamacpp" in plan.engines:
        packed = 0 if plan.quantization == "bf16" else int(base_size * Q4_SHARE)
        needed += plan.experts * expert + base_size + packed
    return needed


def shape_config(shape: str) -> dict[str, Any] | None:
    """The config.json of a shape that is made at random; None for the bundled base."""
    return QWEN3_06B if shape == "qwen3-0.6b" else None


def random_base_bytes(shape: str) -> int:
    """The size of a shape's random weights; 0 for the bundled base."""
    config = shape_config(shape)
    return base_bytes(config) if config else 0


def _one_of(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(f"{option} cannot be {value!r}.", f"It is one of {', '.join(known)}.")


def _within(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UsageError(f"{option} cannot be {value}.", f"It goes from {low} to {high}.")
