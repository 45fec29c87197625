"""Our own engine as one engine of a benchmark, through the calls that anyone has.

Runs in a process of its own (`python -m`), which is why it may start an engine. Each answer
is a whole one: template, sampling and text are in its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from expert_studio.core.errors import InferenceError
from expert_studio.core.experts.library import WEIGHTS_FILE
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.inference.conversation import BaseRequest, Message, Sampling
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.engine_bench_child import (
    SWAPS,
    WARM_PROMPT,
    WARM_TOKENS,
    forget_pages,
    median,
    serve,
)
from expert_studio.core.inference.engine_bench_device import Stopwatch
from expert_studio.core.inference.engine_bench_files import adapter_values
from expert_studio.core.inference.residency import ResidencyBudget
from expert_studio.core.inference.stack import EMPTY, Stack, StackMember

FEWEST_TOKENS = 8  # an answer shorter than this says nothing of speed
MOST_ASKED = 50
DTYPES = {4: "fp32", 2: "bf16", 1: "int8"}  # by bytes a number


class Studio:
    """One base with experts, as the window and the command line have it."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._members: list[StackMember] = []
        self._watch = Stopwatch("cpu", 1)
        self._adapter_values = 0
        self._asked = count()

    def load(
        self,
        base: str,
        experts: Sequence[str],
        quantization: Any,
        device: str,
        threads: int,
        prompt_tokens: int,
    ) -> dict[str, Any]:
        """Tells, beside what every engine tells, a prompt of that many tokens for the others."""
        self._watch = Stopwatch(device, threads)
        folder = Path(base)
        shape = read_shape(folder)
        request = BaseRequest(folder, quantization, device)
        self._engine = load_engine(request, lambda _share: None)
        for index, expert in enumerate(experts):
            digest = weights_sha256(Path(expert) / WEIGHTS_FILE)
            name = f"bench-{index}"
            self._members.append(
                StackMember(name, "1.0.0", digest, 1.0, index + 1, "task", Path(expert))
            )
        rank_one = adapter_values(shape, 1)
        self._adapter_values = rank_one
        return {
            "quant": self._engine.base.quantization,
            "base_bytes": self._engine.base.resident_bytes,
            "device_name": self._engine.base.device_name,
            "prompt": self._engine.prompt_ids(self._messages(prompt_tokens)),
        }

    def measure(
        self, experts: int, rank: int, prompt_tokens: int, tokens: int, long_prompt: int
    ) -> dict[str, Any]:
        """One measurement; see `engine_bench_plan`."""
        engine = self._open()
        for held in engine.list_loaded_experts():
            engine.detach(held.name)
        self._watch.reset_peak()
        told: dict[str, Any] = {"adapter_dtype": None, "adapter_bytes": 0}
        loads: dict[str, Any] = dict.fromkeys(("load_cold_ms", "load_hot_ms", "swap_ms"))
        if experts:
            loads = self._loads(experts)
            composed = [held for held in engine.list_loaded_experts() if held.composed]
            size = sum(held.size_bytes for held in composed)
            bytes_each = size / (experts * rank * self._adapter_values)
            told = {
                "adapter_dtype": DTYPES[min(DTYPES, key=lambda each: abs(each - bytes_each))],
                "adapter_bytes": size,
            }
            if engine.base.quantization == "int4":  # a token reads the copies in eight bits
                told["adapter_dtype"] = "bf16+int8"
                told["adapter_read_bytes"] = experts * rank * self._adapter_values
        stack = self._stack(0, experts)
        self._answer(stack, WARM_PROMPT, WARM_TOKENS)
        ttft_ms, tok_s = self._answer(stack, prompt_tokens, tokens)
        if long_prompt:
            self._answer(stack, long_prompt, WARM_TOKENS)
        timed = {"ttft_ms": ttft_ms, "decode_tok_s": tok_s}
        return {**told, **loads, **timed, "peak_mb": self._watch.peak_mb()}

    def _loads(self, experts: int) -> dict[str, float]:
        engine = self._open()
        forget_pages(str(member.folder) for member in self._members)
        cold = self._watch.start()
        engine.attach_experts(self._stack(0, experts))
        cold_ms = self._watch.ms(cold)
        budget = engine.expert_budget
        engine.expert_budget = ResidencyBudget(0, budget.ram_bytes)
        engine.attach_experts(self._stack(experts, experts + 1))  # the others go to RAM
        engine.expert_budget = budget
        hot = self._watch.start()
        engine.attach_experts(self._stack(0, experts))
        hot_ms = self._watch.ms(hot)
        swaps = []
        for _ in range(SWAPS):
            for start in (1, 0):
                swap = self._watch.start()
                engine.attach_experts(self._stack(start, start + experts))
                swaps.append(self._watch.ms(swap))
        return {"load_cold_ms": cold_ms, "load_hot_ms": hot_ms, "swap_ms": median(swaps)}

    def _answer(self, stack: Stack, prompt_tokens: int, tokens: int) -> tuple[float, float]:
        """Milliseconds to the first token, and tokens a second after it.

        A trained base may end its answer early: then it is asked again, and what it said
        in all is told.
        """
        said, said_s, ttft_ms = 0, 0.0, []
        for _ in range(MOST_ASKED):
            sampling = Sampling(max_tokens=tokens - said, temperature=0.0, seed=0)
            answer = self._open().generate(
                self._messages(prompt_tokens), stack, sampling, lambda _text: None, lambda: False
            )
            timing = answer.timing
            ttft_ms.append(timing.ttft_ms)
            if timing.tokens > 1:
                said += timing.tokens - 1
                said_s += (timing.tokens - 1) / timing.decode_tok_s
            if tokens - said < FEWEST_TOKENS or tokens <= FEWEST_TOKENS:
                break
        return median(ttft_ms), said / said_s if said_s else 0.0

    def _messages(self, tokens: int) -> list[Message]:
        """A question of that many tokens, as near as words go, that no cache has the beginning of.

        What the template puts ahead is the same every time: a few tokens are not read again.
        """
        begun = f"{next(self._asked):04d} reads"
        words = 0
        for _ in range(4):
            messages = [Message("user", begun + " and" * words)]
            missing = tokens - len(self._open().prompt_ids(messages))
            if not missing:
                break
            words = max(0, words + missing)
        return messages

    def _stack(self, start: int, end: int) -> Stack:
        if end == start:
            return EMPTY
        base = self._open().base
        return Stack(tuple(self._members[start:end]), base.sha256, base.quantization)

    def _open(self) -> Engine:
        if self._engine is None:
            raise InferenceError("The base is not loaded.")
        return self._engine


if __name__ == "__main__":
    studio = Studio()
    serve({"load": studio.load, "measure": studio.measure})
