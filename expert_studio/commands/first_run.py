"""The verb first-run: the first task of the window, in a terminal without one.

Knows nothing of the tasks themselves (`core.inference.first_run`).
"""

from __future__ import annotations

from typing import Any

from expert_studio.commands.answering import (
    describe_base,
    hide,
    loaded_engine,
    say_timing,
    show,
    stop_on_interrupt,
)
from expert_studio.commands.bases import Base
from expert_studio.commands.library import opened_library
from expert_studio.commands.report import AsJson, say, say_json
from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference import first_run as task_book
from expert_studio.core.settings import BUNDLED_BASE_NAME


def first_run(base: Base = "bundled", as_json: AsJson = False) -> None:
    """Show what experts do: the same prompts with no expert, with one and with four."""
    library = opened_library()
    for task in task_book.TASKS:
        _refuse_if_missing(task, library)
    answers: list[dict[str, Any]] = []
    with loaded_engine(base, None, None) as engine, stop_on_interrupt() as stopped:
        if not as_json:
            _introduce(engine.base.name, engine.base.device_name, engine.base.parameters)
        for task in task_book.TASKS:
            for stack in task_book.stacks(task, library, engine.base):
                if stopped.is_set():
                    break
                names = [member.name for member in stack.members]
                if not as_json:
                    say("", task.prompt if not names else "", _heading(names))
                answer = engine.generate(
                    task.messages,
                    stack,
                    task_book.SAMPLING,
                    hide if as_json else show,
                    stopped.is_set,
                )
                answers.append({"task": task.name, "experts": names, "text": answer.text})
                if not as_json:
                    say("")
                    say_timing(answer)
        described = describe_base(engine)
    if as_json:
        say_json({"base": described, "answers": answers})
        return
    say(
        "",
        "Go on with: expert-cli chat --experts json-parser=1.0",
        "For real work fetch a real base: "
        f"expert-cli base download Qwen/{task_book.SUGGESTED_BASE}",
    )


def _introduce(name: str, device: str, parameters: int) -> None:
    say(f"{name} on {device}.")
    if name == BUNDLED_BASE_NAME:
        say(
            f"This is a small demonstration base of {parameters / 1e6:.0f} million parameters: "
            "it shows how experts compose, and knows little."
        )


def _refuse_if_missing(task: task_book.FirstTask, library: Library) -> None:
    missing = task_book.missing(task, library.experts())
    if missing:
        raise ExpertError(
            f"The first task needs {' and '.join(missing)}.",
            "They are not installed, and this copy of Expert Studio does not hold them.",
            "Install their .expert files with: expert-cli install FILE",
        )


def _heading(names: list[str]) -> str:
    return f"--- with {' and '.join(names)} ---" if names else "--- with no expert ---"
