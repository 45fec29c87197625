"""The verbs that ask a base: infer answers once, chat talks; what both take.

Knows nothing of decoding (`core.inference`). The engine, and torch with it, is imported when
a verb runs, so that the other verbs stay quick.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from expert_studio.commands.bases import Base
from expert_studio.commands.constraining import (
    Choices,
    Grammar,
    JsonSchema,
    Regex,
    read_constraint,
    say_held,
)
from expert_studio.commands.library import opened_library
from expert_studio.commands.report import (
    STOPPED_EXIT_CODE,
    AsJson,
    printable,
    say,
    say_aside,
    say_json,
    say_piece,
)
from expert_studio.core.errors import UsageError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import (
    Answer,
    Message,
    Sampling,
)
from expert_studio.core.inference.decoding import sampling_for
from expert_studio.core.inference.stack import Stack, compose
from expert_studio.core.settings import Folders

if TYPE_CHECKING:
    from expert_studio.core.inference.engine import Engine


class Quant(StrEnum):
    """How the base's weights are held."""

    BF16 = "bf16"
    FP32 = "fp32"
    NF4 = "nf4"
    INT8 = "int8"
    INT4 = "int4"


class Kv(StrEnum):
    """How keys and values are kept."""

    NATIVE = "native"
    INT8 = "int8"
    INT4 = "int4"


class Mixing(StrEnum):
    """What the experts' weights mean."""

    SUM = "sum"
    BLEND = "blend"


Experts = Annotated[
    str,
    typer.Option("--experts", metavar="NAME=WEIGHT,…", help="Such as json-parser=1.0,english=0.5."),
]
QuantOption = Annotated[
    Quant | None, typer.Option("--quant", help="How weights are held; as set in the settings.")
]
KvOption = Annotated[
    Kv | None, typer.Option("--kv", help="How keys and values are kept; as set in the settings.")
]
Context = Annotated[
    int | None,
    typer.Option("--context", min=0, help="Tokens; beyond the base's own by YaRN; 0 is its own."),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, mps, cuda or cuda:N.")]
Mode_ = Annotated[Mixing, typer.Option("--mode", help="Weights as set, or sharing one total.")]
# What is left out is as the experts' manifests advise, or else as `Sampling` has it.
MaxTokens = Annotated[
    int | None, typer.Option(min=1, max=200_000, help="Tokens to generate at most.")
]
Temperature = Annotated[
    float | None,
    typer.Option(min=0.0, max=2.0, help="0 always takes the likeliest; else as experts advise."),
]
TopK = Annotated[int | None, typer.Option("--top-k", min=0, help="0 turns it off.")]
TopP = Annotated[float | None, typer.Option("--top-p", min=0.0, max=1.0, help="1 turns it off.")]
Seed = Annotated[
    int | None,
    typer.Option(min=-(2**63), max=2**63 - 1, help="The same seed gives the same answer."),
]
System = Annotated[str, typer.Option(help="A system message that stands before the prompt.")]


def infer(  # noqa: PLR0913, PLR0917 - a verb's options are its arguments
    prompt: Annotated[str, typer.Option(help="What to ask; `-` reads it from standard input.")],
    experts: Experts = "",
    system: System = "",
    base: Base = None,
    quant: QuantOption = None,
    kv: KvOption = None,
    context: Context = None,
    device: Device = None,
    mode: Mode_ = Mixing.SUM,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    logits: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the prompt's logits as safetensors."),
    ] = None,
    json_schema: JsonSchema = None,
    grammar: Grammar = None,
    regex: Regex = None,
    choices: Choices = None,
    as_json: AsJson = False,
) -> None:
    """Ask once, with the experts given, and print the answer as it comes.

    An answer that is held to a form is printed when it is whole, and else fails.
    """
    chosen = parse_experts(experts)
    words = readable(standard_input() if prompt == "-" else prompt)
    messages = [Message("system", readable(system))] if system else []
    messages.append(Message("user", words))
    form = read_constraint(json_schema, grammar, regex, choices)
    asked = {
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
        "constraint": form,
    }
    with loaded_engine(base, quant, device, kv, context) as engine, stop_on_interrupt() as stopped:
        stack = compose_stack(chosen, engine, mode)
        sampling = advised_sampling(asked, stack)
        if logits is not None:
            engine.save_logits(logits, engine.prompt_ids(messages), stack)
        on_text = hide if as_json or form else show
        answer = engine.generate(messages, stack, sampling, on_text, stopped.is_set)
        described = describe_stack(stack, engine)
    if as_json:
        say_json(_answer_json(answer, described))
    elif form is None:
        say("")
    if answer.finish_reason == "cancelled":
        raise typer.Exit(STOPPED_EXIT_CODE)
    if form is not None:
        say_held(answer, form, as_json)


def _answer_json(answer: Answer, described: dict[str, Any]) -> dict[str, Any]:
    timing = answer.timing
    return {
        "text": answer.text,
        "tokens": timing.tokens,
        "ttft_ms": round(timing.ttft_ms, 3),
        "decode_tok_s": round(timing.decode_tok_s, 3),
        "prompt_tokens": timing.prompt_tokens,
        "finish_reason": answer.finish_reason,
        "constraint_satisfied": answer.constraint_satisfied,
        "sampling": asdict(answer.sampling),
        "stack": described,
    }


@contextmanager
def loaded_engine(
    base: str | None,
    quant: Quant | None,
    device: str | None,
    kv: Kv | None = None,
    context: int | None = None,
) -> Iterator[Engine]:
    """The engine with the base that the options, or else the settings, name; closed at the end.

    Raises:
        UsageError, SettingsError, LoadError, OutOfMemoryError: see `base_request`, `load_engine`.
    """
    from expert_studio.core.inference.call_arguments import base_request

    quantization, kept = quant.value if quant else None, kv.value if kv else None
    request = base_request(base, quantization, device, Folders.default(), kept, context)
    with _loading(request.folder) as on_progress:
        from expert_studio.core.inference.engine import load_engine

        engine = load_engine(request, on_progress)
    try:
        yield engine
    finally:
        engine.close()


def compose_stack(
    chosen: Mapping[str, float],
    engine: Engine,
    mode: Mixing = Mixing.SUM,
    library: Library | None = None,
) -> Stack:
    """The stack of the chosen experts and all they need, on the engine's base.

    Raises:
        LibraryError, DependencyError, UsageError: see `with_requirements` and `compose`.
    """
    from expert_studio.core.experts.dependencies import with_requirements

    library = library or opened_library()
    described = engine.base
    library.favour(described.name, described.sha256)
    named: dict[str, float] = {}
    for said, weight in chosen.items():
        name = library.find(said).name
        if name in named:
            raise UsageError(
                f"--experts names {name} twice.",
                "With and without `expert-` it is the same expert.",
                "Give it one weight.",
            )
        named[name] = weight
    experts = with_requirements(tuple(named), library)
    return compose(named, experts, described.sha256, described.quantization, mode.value)


def advised_sampling(asked: Mapping[str, Any], stack: Stack) -> Sampling:
    """What was asked for, then what the stack's experts advise, then the defaults."""
    library = Library(Folders.default().library)
    manifests = [
        installed.manifest
        for member in stack.members
        for installed in library.versions(member.name)
        if installed.version == member.version
    ]
    return sampling_for(asked, manifests)


def describe_stack(stack: Stack, engine: Engine) -> dict[str, Any]:
    """The stack as JSON answers show it."""
    return {
        "hash": stack.hash,
        "members": [
            {
                "name": member.name,
                "version": member.version,
                "weight": member.weight,
                "weights_sha256": member.weights_sha256,
                "required_by": list(member.required_by),
                "as_trained": member.as_trained,
            }
            for member in stack.members
        ],
        "base": describe_base(engine),
        "quantization": engine.base.quantization,
    }


def describe_base(engine: Engine) -> dict[str, Any]:
    """The loaded base as JSON answers show it."""
    described = asdict(engine.base)
    return described | {"folder": str(engine.base.folder)}


def parse_experts(said: str) -> dict[str, float]:
    """Reads `a=1.0,b=0.5`; a name alone has the weight 1.

    Raises:
        UsageError: an empty name, a weight that is no number, a name twice.
    """
    chosen: dict[str, float] = {}
    for part in said.split(",") if said.strip() else ():
        name, separator, weight = part.strip().partition("=")
        name = name.strip()
        try:
            value = float(weight) if separator else 1.0
        except ValueError:
            value = float("nan")
        if not name or math.isnan(value) or name in chosen:
            raise UsageError(
                f"{part.strip()!r} in --experts cannot be read.",
                "Each part is a name and a weight, and each name stands once.",
                "Such as: --experts json-parser=1.0,english=0.5",
            )
        chosen[name] = value
    return chosen


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Ctrl-C sets the event instead of breaking off; what was said so far is kept."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def readable(text: str) -> str:
    """The text with bytes of the command line that were no UTF-8 replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def standard_input() -> str:
    """All of standard input.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdin is None:
        raise UsageError("The prompt cannot be read.", "Standard input is closed.")
    return sys.stdin.read()


def say_timing(answer: Answer) -> None:
    """One line under an answer: how many tokens, how soon, how fast, by which stack."""
    timing = answer.timing
    say_aside(
        f"{timing.tokens} tokens, first after {timing.ttft_ms:.0f} ms, "
        f"then {timing.decode_tok_s:.1f} a second (stack {answer.stack.short_hash})"
    )


def show(text: str) -> None:
    """Prints a piece of an answer as it comes."""
    say_piece(printable(text))


def hide(_text: str) -> None:
    """With --json the answer stands in the one value."""


@contextmanager
def _loading(folder: Path) -> Iterator[Callable[[float], None]]:
    """A bar on stderr while the base loads, where a person is looking."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(f"Loading {printable(folder.name)}", total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)
