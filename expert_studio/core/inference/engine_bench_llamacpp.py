"""llama.cpp as one engine of a benchmark: through llama-cpp-python's low-level functions.

Runs in a process of its own, in whichever interpreter has llama_cpp; there only numpy and
gguf are beside it. Its matrices are quantized by llama.cpp's own quantizer.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from expert_studio.core.inference.engine_bench_child import (
    SWAPS,
    WARM_PROMPT,
    WARM_TOKENS,
    Clock,
    forget_pages,
    median,
    peak_mb,
    reset_peak,
    serve,
)
from expert_studio.core.inference.engine_bench_gguf import write_base, write_expert

BATCH = 512  # tokens of a prompt read at once, llama.cpp's default
ALL_LAYERS = 999
Q4_0_FILE = 2  # LLAMA_FTYPE_MOSTLY_Q4_0
_silent: list[Any] = []  # the callback must live as long as the library may call it


def prepare(base: str, experts: Sequence[str], target: str, quantization: str) -> dict[str, Any]:
    """Writes base.gguf and one expert-N/expert.gguf each into `target`.

    The token table of a tied head becomes what llama.cpp chooses for it beside Q4_0: Q6_K,
    or Q8_0 where the width is no multiple of 256.
    """
    library = _library()
    folder = Path(target)
    plain, packed = folder / "plain.gguf", folder / "base.gguf"
    write_base(Path(base), packed if quantization == "bf16" else plain)
    if quantization != "bf16":
        options = library.llama_model_quantize_default_params()
        options.ftype = Q4_0_FILE
        failed = library.llama_model_quantize(
            str(plain).encode(), str(packed).encode(), ctypes.byref(options)
        )
        plain.unlink()
        if failed:
            raise RuntimeError("llama.cpp could not quantize the base")
    for index, expert in enumerate(experts):
        place = folder / f"expert-{index}"
        place.mkdir()
        write_expert(Path(expert), place / "expert.gguf")
    return {}


class LlamaCpp:
    """One base in llama.cpp; the files that `prepare` wrote."""

    def __init__(self) -> None:
        self._library = _library()
        self._model: Any = None
        self._context: Any = None
        self._adapters: list[Any] = []
        self._folders: list[str] = []
        self._vocabulary = 0

    def load(
        self, folder: str, experts: int, quantization: str, device: str, threads: int, context: int
    ) -> dict[str, Any]:
        """`context`: positions there is room for."""
        library = self._library
        if device != "cpu" and not library.llama_supports_gpu_offload():
            return {"left_out": "This build of llama-cpp-python runs on the CPU alone."}
        options = library.llama_model_default_params()
        options.n_gpu_layers = 0 if device == "cpu" else ALL_LAYERS
        options.use_mmap = False  # else what is repacked would count twice as resident
        self._model = library.llama_model_load_from_file(f"{folder}/base.gguf".encode(), options)
        how = library.llama_context_default_params()
        how.n_ctx, how.n_batch = context, BATCH
        how.n_threads = how.n_threads_batch = threads
        self._context = self._model and library.llama_init_from_model(self._model, how)
        if not self._context:
            raise RuntimeError("llama.cpp could not load the base")
        vocabulary = library.llama_model_get_vocab(self._model)
        self._vocabulary = library.llama_vocab_n_tokens(vocabulary)
        self._folders = [f"{folder}/expert-{index}" for index in range(experts)]
        size = library.llama_model_size(self._model)
        return {
            "quant": "bf16" if quantization == "bf16" else "q4_0",
            "base_bytes": size,
            "version": f"llama-cpp-python {library.__version__}",
        }

    def measure(
        self, experts: int, prompt: list[int], tokens: int, long_prompt: int
    ) -> dict[str, Any]:
        """One measurement; see `engine_bench_plan`."""
        told: dict[str, Any] = {"adapter_dtype": None, "adapter_bytes": 0}
        loads: dict[str, Any] = dict.fromkeys(("load_cold_ms", "load_hot_ms", "swap_ms"))
        self._free()
        reset_peak()
        if experts:
            loads = self._loads(experts)
            files = [Path(folder) / "expert.gguf" for folder in self._folders[:experts]]
            told = {
                "adapter_dtype": "f16",
                "adapter_bytes": sum(path.stat().st_size for path in files),
            }
        self._answer(prompt[:WARM_PROMPT], WARM_TOKENS)
        ttft_ms, tok_s = self._answer(prompt, tokens)
        if long_prompt:
            self._answer((prompt * (long_prompt // len(prompt) + 1))[:long_prompt], WARM_TOKENS)
        return {**told, **loads, "ttft_ms": ttft_ms, "decode_tok_s": tok_s, "peak_mb": peak_mb()}

    def _loads(self, experts: int) -> dict[str, float]:
        forget_pages(self._folders)
        cold = Clock()
        self._adapters = [self._read(folder) for folder in self._folders[:experts]]
        self._put_on(range(experts))
        cold_ms = cold.ms
        self._adapters.append(self._read(self._folders[experts]))
        self._put_on(())
        hot = Clock()
        self._put_on(range(experts))
        hot_ms = hot.ms
        swaps = []
        for _ in range(SWAPS):
            for start in (1, 0):
                swap = Clock()
                self._put_on(range(start, start + experts))
                swaps.append(swap.ms)
        return {"load_cold_ms": cold_ms, "load_hot_ms": hot_ms, "swap_ms": median(swaps)}

    def _read(self, folder: str) -> Any:
        path = f"{folder}/expert.gguf".encode()
        adapter = self._library.llama_adapter_lora_init(self._model, path)
        if not adapter:
            raise RuntimeError("llama.cpp could not load a LoRA")
        return adapter

    def _put_on(self, indices: Sequence[int]) -> None:
        chosen = [self._adapters[index] for index in indices]
        adapters = (self._library.llama_adapter_lora_p_ctypes * len(chosen))(*chosen)
        scales = (ctypes.c_float * len(chosen))(*[1.0] * len(chosen))
        if self._library.llama_set_adapters_lora(self._context, adapters, len(chosen), scales):
            raise RuntimeError("llama.cpp could not apply the LoRAs")

    def _free(self) -> None:
        self._put_on(())
        for adapter in self._adapters:
            self._library.llama_adapter_lora_free(adapter)
        self._adapters.clear()

    def _answer(self, prompt: list[int], tokens: int) -> tuple[float, float]:
        """Milliseconds to the first token, and tokens a second after it. Greedy."""
        library = self._library
        library.llama_memory_clear(library.llama_get_memory(self._context), True)
        first = Clock()
        for start in range(0, len(prompt), BATCH):
            self._decode(prompt[start : start + BATCH])
        token = self._likeliest()
        ttft_ms = first.ms
        rest = Clock()
        for _ in range(tokens - 1):
            self._decode([token])
            token = self._likeliest()
        return ttft_ms, (tokens - 1) * 1000 / rest.ms

    def _decode(self, tokens: Sequence[int]) -> None:
        library = self._library
        held = (library.llama_token * len(tokens))(*tokens)
        if library.llama_decode(self._context, library.llama_batch_get_one(held, len(tokens))):
            raise RuntimeError("llama.cpp could not read a token")

    def _likeliest(self) -> int:
        logits = self._library.llama_get_logits_ith(self._context, -1)
        return int(np.ctypeslib.as_array(logits, shape=(self._vocabulary,)).argmax())


def _library() -> Any:
    library = importlib.import_module("llama_cpp")
    _silent.append(library.llama_log_callback(lambda *_told: None))
    library.llama_log_set(_silent[-1], ctypes.c_void_p(0))
    library.llama_backend_init()
    return library


if __name__ == "__main__":
    engine = LlamaCpp()
    serve({"prepare": prepare, "load": engine.load, "measure": engine.measure})
