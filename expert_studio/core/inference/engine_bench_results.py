"""From what each engine measured in each round to one row each, and to the bounds we hold.

A ratio is taken within a round, where all engines met the same machine, and told as the
median over rounds. Torch-free; knows nothing of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expert_studio.core.inference.engine_bench_child import median
from expert_studio.core.inference.engine_bench_plan import BenchPlan

TIMED = ("load_cold_ms", "load_hot_ms", "swap_ms", "ttft_ms", "decode_tok_s", "peak_mb")
Measurement = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One bound, and whether this run keeps it."""

    name: str
    what: str  # in a few words
    figure: float | None  # None: not measured in this run
    bound: float | None  # None: only told
    at_least: bool = True  # else the figure may be at most the bound

    @property
    def holds(self) -> bool | None:
        """None where nothing was measured, or nothing is promised."""
        if self.figure is None or self.bound is None:
            return None
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    def as_json(self) -> dict[str, Any]:
        """For `--json`; figures have four digits."""
        return {
            "name": self.name,
            "what": self.what,
            "figure": None if self.figure is None else float(f"{self.figure:.4g}"),
            "bound": self.bound,
            "rule": "at least" if self.at_least else "at most",
            "holds": self.holds,
        }


class Measured:
    """All measurements of a run, by round, engine and number of experts."""

    def __init__(self) -> None:
        self.bases: dict[str, dict[str, Any]] = {}  # by engine: quant, base_bytes, ...
        self._rounds: dict[tuple[str, int], list[Measurement]] = {}

    def add(self, engine: str, experts: int, measurement: Measurement) -> None:
        """Of the next round."""
        self._rounds.setdefault((engine, experts), []).append(measurement)

    def rows(self) -> list[dict[str, Any]]:
        """One a (engine, experts), medians over rounds; what an engine does not tell is None."""
        rows = []
        for (engine, experts), rounds in sorted(self._rounds.items(), key=_order):
            base = self.bases[engine]
            row = {"engine": engine, "experts": experts, "quant": base["quant"]}
            row |= {"adapter_dtype": rounds[0]["adapter_dtype"], "base_bytes": base["base_bytes"]}
            row |= {"adapter_bytes": rounds[0]["adapter_bytes"]}
            for name in TIMED:
                values = [one[name] for one in rounds if one[name] is not None]
                row[name] = round(median(values), 3) if values else None
            rows.append(row)
        return rows

    def held_bytes(self, experts: int) -> int | None:
        """What our experts take, so many of them; None where none was measured."""
        rounds = self._rounds.get(("studio", experts))
        return None if rounds is None else int(rounds[0]["adapter_bytes"])

    def over_rounds(self, figure: Callable[..., float], *wanted: tuple[str, int]) -> float | None:
        """The median over rounds of a figure of these (engine, experts); None where one lacks."""
        if any(key not in self._rounds for key in wanted):
            return None
        rounds: Iterator[tuple[Measurement, ...]] = zip(
            *(self._rounds[key] for key in wanted), strict=False
        )
        values = [figure(*measurements) for measurements in rounds]
        return median(values) if values else None


def ratios(measured: Measured, plan: BenchPlan) -> list[Ratio]:
    """The bounds this project holds itself to, as far as this run can tell.

    Bounds are of the Qwen3-0.6B shape; for other shapes the figures are only told.
    """
    found = [*_speed(measured, plan), _memory(measured, plan)]
    if plan.device != "cpu":
        found = [*_gpu(measured, plan), _memory(measured, plan)]
    if plan.shape == "qwen3-0.6b":
        return found
    return [Ratio(r.name, r.what, r.figure, None, r.at_least) for r in found]


def _speed(measured: Measured, plan: BenchPlan) -> Sequence[Ratio]:
    base_bytes = measured.bases["studio"]["base_bytes"]

    def of_floor(ten: Measurement, zero: Measurement) -> float:
        adapters = ten.get("adapter_read_bytes", ten["adapter_bytes"])
        read = base_bytes / (base_bytes + adapters)
        return float(ten["decode_tok_s"] / (zero["decode_tok_s"] * read))

    def latency(ours: Measurement, theirs: Measurement) -> float:
        return _answer_ms(ours, plan.tokens) / _answer_ms(theirs, plan.tokens)

    def times(experts: int, peer: str) -> float | None:
        return measured.over_rounds(_speed_ratio, ("studio", experts), (peer, experts))

    floor = measured.over_rounds(of_floor, ("studio", 10), ("studio", 0))
    one = measured.over_rounds(latency, ("studio", 1), ("peft", 1))
    return (
        Ratio(
            "floor_ten", "Ten experts: share of the speed that the bytes read allow", floor, 0.85
        ),
        Ratio("ten_vs_llamacpp", "Ten experts: speed over llama.cpp's", times(10, "llamacpp"), 1.5),
        Ratio("ten_vs_peft", "Ten experts: speed over PEFT's", times(10, "peft"), 4.0),
        Ratio("one_vs_llamacpp", "One expert: speed over llama.cpp's", times(1, "llamacpp"), 0.75),
        Ratio("zero_vs_llamacpp", "None: speed over llama.cpp's", times(0, "llamacpp"), None),
        Ratio(
            "one_latency_vs_peft", "One expert: time for an answer over PEFT's", one, 1.05, False
        ),
    )


def _gpu(measured: Measured, plan: BenchPlan) -> Sequence[Ratio]:
    def whole(ten: Measurement) -> float:
        return _answer_ms(ten, 1024) / 1000

    def over(name: str) -> float | None:
        return measured.over_rounds(lambda ten: ten[name], ("studio", 10))

    ten_vs_peft = measured.over_rounds(_speed_ratio, ("studio", 10), ("peft", 10))
    seconds = measured.over_rounds(whole, ("studio", 10))
    peak = over("peak_mb")
    gib = None if peak is None or plan.context < 8192 else peak * 1e6 / (1 << 30)
    return (
        Ratio("ten_1024_tokens_s", "Ten experts: seconds for 1,024 tokens", seconds, 2.5, False),
        Ratio("ten_vs_peft", "Ten experts: speed over PEFT's", ten_vs_peft, 5.0),
        Ratio("swap_ms", "Ten experts: ms to swap", over("swap_ms"), 10.0, False),
        Ratio(
            "load_cold_ms", "Ten experts: ms to load from disk", over("load_cold_ms"), 200.0, False
        ),
        Ratio("peak_gib", "Ten experts and 8k context: GiB allocated", gib, 2.0, False),
    )


def _memory(measured: Measured, plan: BenchPlan) -> Ratio:
    """One base shared by n experts, against n models with one expert each, by bytes held."""
    most = max(plan.counts)
    held, base = measured.held_bytes(most), measured.bases["studio"]["base_bytes"]
    saved = None if not held or most < 2 else 1 - (base + held) / (most * base + held)
    what = "Memory saved by sharing the base, over one model for each expert"
    return Ratio("memory_saved", what, saved, 0.5)


def _speed_ratio(ours: Measurement, theirs: Measurement) -> float:
    return float(ours["decode_tok_s"] / theirs["decode_tok_s"])


def _answer_ms(measurement: Measurement, tokens: int) -> float:
    return float(measurement["ttft_ms"] + (tokens - 1) * 1000 / measurement["decode_tok_s"])


def _order(item: tuple[tuple[str, int], Any]) -> tuple[bool, str, int]:
    (engine, experts), _ = item
    return engine != "studio", engine, experts
