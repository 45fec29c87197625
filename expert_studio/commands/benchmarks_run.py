"""Runs a benchmark: makes the files, starts each engine beside the others, asks them in turn.

Every round asks every engine with every number of experts, one after another, so that a
noisy machine hits all alike; the engines that are not asked wait. Knows nothing of how a
figure is taken (the engines' own modules) or of how results are shown (`benchmarks`).
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from expert_studio.commands.benchmarks_process import EngineProcess, knows, own_python
from expert_studio.commands.report import in_bytes
from expert_studio.core.errors import ExpertError, InferenceError, StorageError, UsageError
from expert_studio.core.inference.base_model_files import weight_files
from expert_studio.core.inference.decoder_shape import DecoderShape, read_shape
from expert_studio.core.inference.download import fetched_bases
from expert_studio.core.inference.engine_bench_files import write_random_base, write_random_expert
from expert_studio.core.inference.engine_bench_plan import (
    BenchPlan,
    EngineName,
    disk_bytes,
    random_base_bytes,
    shape_config,
)
from expert_studio.core.inference.engine_bench_results import Measured, ratios
from expert_studio.core.settings import Folders

MODULES: Mapping[EngineName, str] = {
    "studio": "expert_studio.commands.benchmarks_studio",
    "peft": "expert_studio.core.inference.engine_bench_peft",
    "llamacpp": "expert_studio.core.inference.engine_bench_llamacpp",
}
REAL_NAMES = {"qwen3-0.6b": "qwen3-0.6b"}  # by shape: the folder of a fetched base, lower case
Tell = Callable[[str], None]


@dataclass(slots=True)
class _Files:
    """What the engines read."""

    base: Path
    experts: list[Path] = field(default_factory=list)
    gguf: Path | None = None

    def named(self) -> list[str]:
        return [str(folder) for folder in self.experts]


def run_benchmark(plan: BenchPlan, llamacpp_python: str | None, tell: Tell) -> dict[str, Any]:
    """The whole run. `tell` gets a line of progress now and then.

    Returns:
        "machine", "results" (one a engine and number of experts), "ratios", and "run": what
        was asked for, the versions of the peers, and why one was left out.

    Raises:
        UsageError: a peer is not installed.
        StorageError: there is no room for the files.
        InferenceError: our own engine failed.
    """
    pythons = _interpreters(plan, llamacpp_python)
    base = _real_base(plan.shape)
    _check_room(plan, base, tell)
    with _scratch() as scratch, ExitStack() as children:
        files = _made(plan, base, scratch, tell)
        measured, left_out = Measured(), {}
        engines: dict[EngineName, EngineProcess] = {}
        prompt: list[int] = []
        for name in plan.engines:
            tell(f"Loading the base in {name}.")
            try:
                if name == "llamacpp":
                    _prepare_gguf(plan, files, pythons[name], scratch, tell)
                process = EngineProcess(name, pythons[name], MODULES[name], scratch, plan.threads)
                children.enter_context(process)
                told = process.ask("load", _load_request(name, plan, files))
                if "left_out" in told:
                    raise InferenceError(f"{name} was not measured.", told["left_out"])
            except ExpertError as error:
                if name == "studio":
                    raise
                _leave_out(left_out, name, error, tell)
                continue
            prompt = told.pop("prompt", prompt)
            measured.bases[name] = told
            engines[name] = process
        _rounds(plan, engines, measured, prompt, left_out, tell)
    return {
        "machine": machine(plan.device, measured.bases["studio"]["device_name"]),
        "results": measured.rows(),
        "ratios": [ratio.as_json() for ratio in ratios(measured, plan)],
        "run": {
            "shape": plan.shape,
            "weights": "random" if base is None else "real",
            "device": plan.device,
            "prompt_tokens": len(prompt),
            "tokens": plan.tokens,
            "context": plan.context,
            "rounds": plan.rounds,
            "rank": plan.rank,
            "threads": plan.threads,
            "peers": {
                name: told["version"] for name, told in measured.bases.items() if "version" in told
            },
            "left_out": left_out,
        },
    }


def machine(device: str, device_name: str) -> dict[str, Any]:
    """What ran it, for whoever compares runs."""
    return {
        "cpu": _cpu_name(),
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        "ram": psutil.virtual_memory().total,
        "os": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": importlib.metadata.version("torch"),
        "gpu": None if device == "cpu" else device_name,
    }


def _rounds(
    plan: BenchPlan,
    engines: dict[EngineName, EngineProcess],
    measured: Measured,
    prompt: list[int],
    left_out: dict[str, str],
    tell: Tell,
) -> None:
    for number in range(1, plan.rounds + 1):
        for experts in plan.counts:
            for name in tuple(engines):
                try:
                    found = engines[name].ask(
                        "measure", _measure_request(name, plan, experts, prompt)
                    )
                except InferenceError as error:
                    if name == "studio":
                        raise
                    _leave_out(left_out, name, error, tell)
                    del engines[name]
                    continue
                measured.add(name, experts, found)
                where = f"Round {number}/{plan.rounds}  {experts:2d} experts"
                tell(f"{where}  {name:9} {found['decode_tok_s']:8.1f} tokens/s")


def _load_request(name: EngineName, plan: BenchPlan, files: _Files) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "quantization": plan.quantization,
        "device": plan.device,
        "threads": plan.threads,
    }
    if name == "llamacpp":
        return asked | {"folder": str(files.gguf), "experts": plan.experts, "context": plan.room}
    asked |= {"base": str(files.base), "experts": files.named()}
    return asked | {"prompt_tokens": plan.prompt_tokens} if name == "studio" else asked


def _measure_request(
    name: EngineName, plan: BenchPlan, experts: int, prompt: list[int]
) -> dict[str, Any]:
    asked = {"experts": experts, "tokens": plan.tokens, "long_prompt": plan.long_prompt}
    if name == "studio":
        return asked | {"rank": plan.rank, "prompt_tokens": plan.prompt_tokens}
    return asked | {"prompt": prompt}


def _leave_out(left_out: dict[str, str], name: str, error: ExpertError, tell: Tell) -> None:
    left_out[name] = str(error)
    tell(f"{name} is left out. {error}")


def _interpreters(plan: BenchPlan, llamacpp_python: str | None) -> dict[EngineName, str]:
    pythons: dict[EngineName, str] = dict.fromkeys(plan.engines, own_python())
    if "llamacpp" in pythons:
        pythons["llamacpp"] = llamacpp_python or own_python()
        if not knows(pythons["llamacpp"], "llama_cpp", "gguf", "numpy"):
            raise UsageError(
                "llama.cpp cannot be measured.",
                f"{'That' if llamacpp_python else 'This'} Python has no llama-cpp-python and gguf.",
                "Install the extra `bench` (pip install 'expert-studio[bench]'; it is compiled, "
                "which takes minutes), name another Python that has them with "
                "--llamacpp-python, or leave llamacpp out of --peers.",
            )
    return pythons


def _real_base(shape: str) -> Path | None:
    """The folder of the shape's own weights, where this machine has them."""
    folders = Folders.default()
    if shape == "bundled":
        return folders.bundled_base
    wanted = REAL_NAMES[shape]
    found = (b.folder for b in fetched_bases(folders.bases) if b.folder.name.lower() == wanted)
    return next(found, None)


def _check_room(plan: BenchPlan, base: Path | None, tell: Tell) -> None:
    place = Path(tempfile.gettempdir())
    if base is None:
        size, shape = random_base_bytes(plan.shape), _shape_of(plan.shape)
    else:
        size, shape = sum(path.stat().st_size for path in weight_files(base)), read_shape(base)
    needed = disk_bytes(plan, shape, base is None, size)
    free = shutil.disk_usage(place).free
    tell(f"Takes {in_bytes(needed)} in {place} while it runs; {in_bytes(free)} are free.")
    if needed > free:
        raise StorageError(
            "There is no room for the benchmark's files.",
            f"They take {in_bytes(needed)} in {place}, where {in_bytes(free)} are free.",
            "Free some space, or let TMPDIR name a folder elsewhere.",
        )


def _shape_of(shape: str) -> DecoderShape:
    """Of a base that is not written yet."""
    import json

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(shape_config(shape)), "utf-8")
        return read_shape(Path(folder))


def _made(plan: BenchPlan, base: Path | None, scratch: Path, tell: Tell) -> _Files:
    try:
        if base is None:
            tell(f"Writing a base of the {plan.shape} shape with random weights.")
            config = shape_config(plan.shape)
            assert config is not None
            base = write_random_base(scratch / "base", config)
        files = _Files(base)
        shape = read_shape(base)
        if plan.experts:
            tell(f"Writing {plan.experts} experts of rank {plan.rank}.")
        for index in range(plan.experts):
            place = scratch / "experts" / str(index)
            files.experts.append(write_random_expert(place, shape, plan.rank, index))
    except OSError as cause:
        raise StorageError(
            "The benchmark's files could not be written.",
            f"{cause.strerror or cause}.",
            "Free some space, or let TMPDIR name a folder elsewhere.",
        ) from cause
    return files


def _prepare_gguf(plan: BenchPlan, files: _Files, python: str, scratch: Path, tell: Tell) -> None:
    """In a child of its own, so that what it takes is not counted as the engine's."""
    tell("Writing the same for llama.cpp.")
    files.gguf = scratch / "gguf"
    files.gguf.mkdir()
    with EngineProcess("llamacpp", python, MODULES["llamacpp"], scratch, plan.threads) as process:
        process.ask(
            "prepare",
            {
                "base": str(files.base),
                "experts": files.named(),
                "target": str(files.gguf),
                "quantization": plan.quantization,
            },
        )


@contextmanager
def _scratch() -> Iterator[Path]:
    """A temporary folder, removed whatever happens."""
    with tempfile.TemporaryDirectory(prefix="expert-bench-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _cpu_name() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        told = []
    names = (line.partition(":")[2].strip() for line in told if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
