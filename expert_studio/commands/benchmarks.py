"""The verb `bench`: how fast experts compose on this machine, beside other engines.

Knows how results are shown; `benchmarks_run` gets them. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import psutil
import typer

from expert_studio.commands.report import AsJson, Sentences, say, say_aside, say_json
from expert_studio.core.inference.engine_bench_plan import (
    BenchPlan,
    check_plan,
    read_counts,
    read_peers,
)

bench_verbs = typer.Typer(cls=Sentences, no_args_is_help=True, help="Measure this machine.")
NOTHING = "-"
# heading and width; a number stands to the right
COLUMNS = (
    *(("engine", -8), ("n", 2), ("held as", -9), ("base", 7), ("experts", 7)),
    *(("cold", 8), ("hot", 7), ("swap", 7), ("first", 7), ("tok/s", 6), ("peak", 7)),
)
LEGEND = (
    "n experts on; base, experts and peak in MB; cold (from disk), hot (from RAM), swap and "
    "first token in ms."
)
VERDICTS = {True: "holds", False: "MISSED", None: ""}


@bench_verbs.callback()
def bench() -> None:
    """Measure how fast experts compose on this machine."""


@bench_verbs.command("compose")
def compose(  # noqa: PLR0913, PLR0917 - a verb's options are its arguments
    shape: Annotated[str, typer.Option(help="bundled or qwen3-0.6b.")] = "bundled",
    experts: Annotated[str, typer.Option(help="How many, one after another.")] = "0,1,3,6,10",
    quant: Annotated[str, typer.Option(help="Of our base: int4, nf4 or bf16.")] = "int4",
    peers: Annotated[str, typer.Option(help="Measured beside: peft, llamacpp, none.")] = "none",
    tokens: Annotated[int, typer.Option(help="Said after each prompt.")] = 32,
    prompt: Annotated[int, typer.Option(help="Tokens of the prompt.")] = 128,
    rounds: Annotated[int, typer.Option(help="Figures are medians over them.")] = 3,
    rank: Annotated[int, typer.Option(help="Of the LoRA experts.")] = 16,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(help="Processor cores to use; 0 takes all.")] = 0,
    context: Annotated[
        int, typer.Option(help="Fill so many positions before the peak is read; 0 does not.")
    ] = 0,
    llamacpp_python: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="A Python that has llama-cpp-python and gguf."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure decode speed, loading, swapping and memory with experts composed.

    Random weights of the true shape are made where the real ones are absent; they are
    removed at the end. Peers run in the same call, in processes of their own, in turn.
    """
    from expert_studio.commands.benchmarks_run import run_benchmark

    plan = BenchPlan(
        shape=shape,
        counts=read_counts(experts),
        quantization=quant,  # type: ignore[arg-type]  # checked next
        engines=read_peers(peers),
        device=device,
        rounds=rounds,
        tokens=tokens,
        prompt_tokens=prompt,
        context=context,
        rank=rank,
        threads=threads or psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
    )
    check_plan(plan)
    found = run_benchmark(plan, llamacpp_python, say_aside)
    if as_json:
        say_json(found)
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    machine, run = found["machine"], found["run"]
    where = machine["gpu"] or f"{machine['cpu']}, {run['threads']} of {machine['cores']} cores"
    say(
        f"{run['shape']} shape, {run['weights']} weights, on {where}, torch {machine['torch']}; "
        f"prompt {run['prompt_tokens']}, answer {run['tokens']} tokens, rank {run['rank']}, "
        f"medians of {run['rounds']} rounds."
    )
    say("")
    say(_line([heading for heading, _ in COLUMNS]))
    say(*(_line(_cells(row)) for row in found["results"]))
    say(LEGEND, "")
    say(*(_told(ratio) for ratio in found["ratios"]))
    for name, why in run["left_out"].items():
        say("", f"{name} was left out. {why}")


def _line(cells: Sequence[str]) -> str:
    widths = (width for _, width in COLUMNS)
    aligned = (
        cell.rjust(width) if width > 0 else cell.ljust(-width)
        for cell, width in zip(cells, widths, strict=True)
    )
    return " ".join(aligned).rstrip()


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    held = (row["quant"], row["adapter_dtype"])
    sizes = (row["base_bytes"] / 1e6, row["adapter_bytes"] / 1e6 or None)
    timed = ("load_cold_ms", "load_hot_ms", "swap_ms", "ttft_ms", "decode_tok_s", "peak_mb")
    figures = (*sizes, *(row[name] for name in timed))
    return (
        row["engine"],
        str(row["experts"]),
        "+".join(part for part in held if part),
        *(NOTHING if figure is None else f"{figure:.1f}" for figure in figures),
    )


def _told(ratio: Mapping[str, Any]) -> str:
    figure = "not measured" if ratio["figure"] is None else f"{ratio['figure']:.2f}"
    bound = "" if ratio["bound"] is None else f"({ratio['rule']} {ratio['bound']:g})"
    return f"{ratio['what']}: {figure} {bound} {VERDICTS[ratio['holds']]}".strip()
