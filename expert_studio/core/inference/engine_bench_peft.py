"""transformers with PEFT as one engine of a benchmark: a short greedy loop, as written by hand.

LoRAs stay beside the base unmerged, several active at once, in the dtype of their files.
Runs in a process of its own. No network: every file is given.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, DynamicCache

from expert_studio.core.inference.engine_bench_child import (
    SWAPS,
    WARM_PROMPT,
    WARM_TOKENS,
    forget_pages,
    median,
    serve,
)
from expert_studio.core.inference.engine_bench_device import Stopwatch

_SHORT = {torch.bfloat16: "bf16", torch.float16: "f16", torch.float32: "fp32"}
# adapters keep the file's dtype, and are not drawn at random before they are read
LOADING: dict[str, Any] = {"autocast_adapter_dtype": False, "low_cpu_mem_usage": True}


class Peft:
    """One base in transformers, LoRAs through PEFT."""

    def __init__(self) -> None:
        self._base: Any = None
        self._model: Any = None  # what answers: the base, or PEFT around it
        self._folders: list[str] = []
        self._device = "cpu"
        self._watch = Stopwatch("cpu", 1)

    def load(
        self, base: str, experts: Sequence[str], quantization: str, device: str, threads: int
    ) -> dict[str, Any]:
        """nf4 through bitsandbytes; for whatever else is asked, bf16."""
        warnings.simplefilter("ignore")
        self._device, self._watch = device, Stopwatch(device, threads)
        self._folders = list(experts)
        how: dict[str, Any] = {}
        if quantization == "nf4":
            how["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_compute_dtype=torch.bfloat16,
            )
        self._base = AutoModelForCausalLM.from_pretrained(
            base,
            dtype=torch.bfloat16,
            device_map={"": device},
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            **how,
        ).train(False)
        self._model = self._base
        versions = [
            f"{name} {importlib.metadata.version(name)}" for name in ("transformers", "peft")
        ]
        return {
            "quant": "nf4" if quantization == "nf4" else "bf16",
            "base_bytes": _bytes(self._base.parameters()),
            "version": ", ".join(versions),
        }

    def measure(
        self, experts: int, prompt: list[int], tokens: int, long_prompt: int
    ) -> dict[str, Any]:
        """One measurement; see `engine_bench_plan`."""
        told: dict[str, Any] = {"adapter_dtype": None, "adapter_bytes": 0}
        loads: dict[str, Any] = dict.fromkeys(("load_cold_ms", "load_hot_ms", "swap_ms"))
        if self._model is not self._base:
            self._base = self._model = self._model.unload()
        self._watch.reset_peak()
        if experts:
            loads = self._loads(experts)
            on = [p for n, p in self._model.named_parameters() if _of_one(n, range(experts))]
            told = {"adapter_dtype": _SHORT[on[0].dtype], "adapter_bytes": _bytes(on)}
        self._answer(prompt[:WARM_PROMPT], WARM_TOKENS)
        ttft_ms, tok_s = self._answer(prompt, tokens)
        if long_prompt:
            self._answer((prompt * (long_prompt // len(prompt) + 1))[:long_prompt], WARM_TOKENS)
        timed = {"ttft_ms": ttft_ms, "decode_tok_s": tok_s}
        return {**told, **loads, **timed, "peak_mb": self._watch.peak_mb()}

    def _loads(self, experts: int) -> dict[str, float]:
        forget_pages(self._folders)
        cold = self._watch.start()
        self._model = PeftModel.from_pretrained(
            self._base, self._folders[0], adapter_name=_name(0), **LOADING
        )
        for index in range(1, experts):
            self._read(index)
        self._put_on(range(experts))
        cold_ms = self._watch.ms(cold)
        self._read(experts)
        self._put_on([experts])
        hot = self._watch.start()
        self._put_on(range(experts))
        hot_ms = self._watch.ms(hot)
        swaps = []
        for _ in range(SWAPS):
            for start in (1, 0):
                swap = self._watch.start()
                self._put_on(range(start, start + experts))
                swaps.append(self._watch.ms(swap))
        return {"load_cold_ms": cold_ms, "load_hot_ms": hot_ms, "swap_ms": median(swaps)}

    def _read(self, index: int) -> None:
        self._model.load_adapter(self._folders[index], adapter_name=_name(index), **LOADING)

    def _put_on(self, indices: Sequence[int]) -> None:
        names = [_name(index) for index in indices]
        self._model.base_model.set_adapter(names, inference_mode=True)

    @torch.inference_mode()
    def _answer(self, prompt: list[int], tokens: int) -> tuple[float, float]:
        """Milliseconds to the first token, and tokens a second after it. Greedy."""
        model = self._model
        cache = DynamicCache()
        first = self._watch.start()
        read = torch.tensor([prompt], device=self._device)
        logits = model(read, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        token = logits[:, -1].argmax(-1, keepdim=True)  # (1, 1)
        ttft_ms = self._watch.ms(first)
        rest = self._watch.start()
        for _ in range(tokens - 1):
            logits = model(token, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
            token = logits[:, -1].argmax(-1, keepdim=True)
        token.item()
        return ttft_ms, (tokens - 1) * 1000 / self._watch.ms(rest)


def _name(index: int) -> str:
    return f"expert{index}"


def _of_one(parameter: str, indices: Sequence[int]) -> bool:
    return any(f".{_name(index)}." in parameter for index in indices)


def _bytes(tensors: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


if __name__ == "__main__":
    peft = Peft()
    serve({"load": peft.load, "measure": peft.measure})
