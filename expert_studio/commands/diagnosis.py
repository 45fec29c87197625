"""The verb doctor: what is in order on this machine, and what to do about the rest.

Knows nothing of how a part is examined (`core.inference.doctor`).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from expert_studio.commands.answering import Quant, describe_base, loaded_engine
from expert_studio.commands.bases import Base
from expert_studio.commands.library import opened_library, summary
from expert_studio.commands.report import AsJson, say, say_json
from expert_studio.core.errors import ExpertError, UsageError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference import doctor as examination
from expert_studio.core.inference.base_model_files import weight_files
from expert_studio.core.inference.conversation import Message
from expert_studio.core.inference.doctor import Finding
from expert_studio.core.settings import Folders
from expert_studio.core.telemetry.gpu import Sampler

if TYPE_CHECKING:
    from expert_studio.core.inference.engine import Engine

COPIES_PER_FILE_BYTE = 4  # ours and transformers', each twice as wide as the file's bf16
PROBE = "Write the name, the city and the year as JSON: Ada moved to London in 1833."


@dataclass(frozen=True, slots=True)
class _Trial:
    """What loading the base showed."""

    findings: tuple[Finding, ...]
    device: str  # "" where the base does not load
    base: dict[str, Any]


def doctor(base: Base = None, as_json: AsJson = False) -> None:
    """Check this machine, the library and the base; exit code 1 if something is wrong.

    With transformers installed, the base's logits are compared with its.
    """
    folders = Folders.default()
    folder, unclear = _folder_of(base, folders)
    library, not_opened = _library(folders)
    findings = (*unclear, *not_opened, *examination.examine(folders, folder))
    trial = _try_base(folder) if findings[-1].ok else _Trial((), "", {"folder": str(folder)})
    findings += trial.findings
    ok = all(finding.ok for finding in findings)
    experts = () if not_opened else library.experts()
    if as_json:
        say_json(
            {
                "ok": ok,
                "device": trial.device,
                "base": trial.base,
                "experts": [summary(expert) for expert in experts],
                "checks": [
                    {"name": f.name, "ok": f.ok, "advice": f.advice, "found": f.found}
                    for f in findings
                ],
            }
        )
    else:
        for finding in findings:
            say(f"{'ok   ' if finding.ok else 'WRONG'} {finding.name}: {finding.found}")
            if finding.advice:
                say(f"      {finding.advice}")
        say("Everything is in order." if ok else "Something is wrong; see the lines above.")
    if not ok:
        raise typer.Exit(1)


def _folder_of(base: str | None, folders: Folders) -> tuple[Path, tuple[Finding, ...]]:
    """The base's folder, there or not, and a finding where the settings cannot tell it."""
    from expert_studio.core.inference.base_choice import base_folder

    try:
        return base_folder(base, folders), ()
    except UsageError:
        return Path(base or ""), ()  # that it is not there is found with the base
    except ExpertError as cause:
        found = f"{cause.what} {cause.why}".strip()
        return folders.bundled_base, (Finding("settings", False, found, cause.remedy),)


def _library(folders: Folders) -> tuple[Library, tuple[Finding, ...]]:
    """The library with what ships in it, and a finding where that cannot be had."""
    try:
        library = opened_library()
        library.experts()
    except ExpertError as cause:
        found = f"{cause.what} {cause.why}".strip()
        return Library(folders.library), (Finding("bundled experts", False, found, cause.remedy),)
    return library, ()


def _try_base(folder: Path) -> _Trial:
    """Loads the base, in float32 where that and transformers' copy fit into memory."""
    needed_gb = COPIES_PER_FILE_BYTE * sum(f.stat().st_size for f in weight_files(folder)) / 1e9
    with Sampler() as sampler:
        free_gb = sampler.sample().process.machine_ram_available_bytes / 1e9
    comparable = needed_gb < free_gb
    try:
        with loaded_engine(str(folder), Quant.FP32 if comparable else None, None) as engine:
            described = engine.base
            found = f"{described.name} reads and answers on {described.device_name}"
            loads = Finding("engine", True, found)
            compared = _compared(engine, folder) if comparable else ()
            if not comparable:
                why = (
                    f"not compared: {needed_gb:.0f} GB of memory are needed, {free_gb:.0f} are free"
                )
                compared = (Finding("logits", True, why),)
            return _Trial((loads, *compared), described.device, describe_base(engine))
    except ExpertError as cause:
        found = f"{cause.what} {cause.why}".strip()
        failed = Finding("engine", False, found, cause.remedy or "Choose another base.")
        return _Trial((failed,), "", {"folder": str(folder)})


def _compared(engine: Engine, folder: Path) -> tuple[Finding, ...]:
    if importlib.util.find_spec("transformers") is None:
        return ()
    from expert_studio.core.inference.engine_reference import TOLERANCE, compare_with_transformers

    token_ids = engine.prompt_ids([Message("user", PROBE)])
    comparison = compare_with_transformers(engine, folder, token_ids)
    ok = comparison.relative_l2 < TOLERANCE["fp32"]
    found = (
        f"relative L2 to transformers {comparison.relative_l2:.1e} in fp32 "
        f"over {comparison.tokens} tokens, {TOLERANCE['fp32']:.0e} allowed"
    )
    advice = "" if ok else "Please report it: this base is not computed rightly."
    return (Finding("logits", ok, found, advice),)
