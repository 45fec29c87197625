"""expert-cli: one verb per capability. Knows nothing of what the verbs do (`commands`).

Nothing heavy is imported here: `expert-cli list` answers without loading torch.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import sys
from typing import Annotated

import typer

from expert_studio.commands.answering import infer
from expert_studio.commands.bases import base_verbs
from expert_studio.commands.benchmarks import bench_verbs
from expert_studio.commands.benchmarks_packages import packages
from expert_studio.commands.building import build_experts
from expert_studio.commands.chat import chat
from expert_studio.commands.datasets import dataset_verbs
from expert_studio.commands.datasets_generate import generate_rows
from expert_studio.commands.datasets_quality import dedupe, split, stats, validate
from expert_studio.commands.diagnosis import doctor
from expert_studio.commands.distributing import lock, migrate, new
from expert_studio.commands.distributing import validate as validate_expert
from expert_studio.commands.estimating import estimate_memory
from expert_studio.commands.evaluating import evaluate
from expert_studio.commands.first_run import first_run
from expert_studio.commands.getting import activate, install, pin, uninstall, update
from expert_studio.commands.library import info, list_experts
from expert_studio.commands.markets import marketplace_verbs, search
from expert_studio.commands.officials import official_verbs
from expert_studio.commands.packing import package
from expert_studio.commands.providers import provider_verbs
from expert_studio.commands.registries import registry_verbs
from expert_studio.commands.report import Sentences
from expert_studio.commands.signing import keygen, sign, verify
from expert_studio.commands.training import train
from expert_studio.commands.trusting import trust_verbs
from expert_studio.core import network, settings
from expert_studio.core.errors import SettingsError
from expert_studio.core.settings import Folders

app = typer.Typer(
    cls=Sentences,
    name="expert-cli",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("doctor")(doctor)
app.command("estimate")(estimate_memory)
app.command("chat")(chat)
app.command("infer")(infer)
app.command("first-run")(first_run)
app.command("list")(list_experts)
app.command("info")(info)
app.command("install")(install)
app.command("update")(update)
app.command("uninstall")(uninstall)
app.command("activate")(activate)
app.command("pin")(pin)
app.command("search")(search)
app.add_typer(marketplace_verbs, name="marketplace")
app.command("train")(train)
app.command("evaluate")(evaluate)
app.command("build-experts")(build_experts)
app.command("package")(package)
app.command("keygen")(keygen)
app.command("sign")(sign)
app.command("verify")(verify)
app.command("new")(new)
app.command("migrate")(migrate)
app.command("validate")(validate_expert)
app.command("lock")(lock)
app.add_typer(trust_verbs, name="trust")
app.add_typer(official_verbs, name="official")
app.add_typer(registry_verbs, name="registry")
app.add_typer(base_verbs, name="base")
app.add_typer(dataset_verbs, name="dataset")
app.add_typer(provider_verbs, name="provider")
dataset_verbs.command("generate")(generate_rows)
dataset_verbs.command("validate")(validate)
dataset_verbs.command("stats")(stats)
dataset_verbs.command("split")(split)
dataset_verbs.command("dedupe")(dedupe)
bench_verbs.command("packages")(packages)
app.add_typer(bench_verbs, name="bench")


def _say_version(wanted: bool) -> None:
    if wanted:
        try:
            version = importlib.metadata.version("expert-studio")
        except importlib.metadata.PackageNotFoundError:
            version = "from a checkout that is not set up"
        typer.echo(f"expert-cli {version}")
        raise typer.Exit


@app.callback()
def expert_cli(
    version: Annotated[  # noqa: ARG001 (typer calls back)
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say it.")
    ] = False,
) -> None:
    """Compose small experts on one base, without a window.

    Exit codes: 0 done, 1 another failure, 2 usage, 3 dependencies, 4 compatibility,
    5 signature, 10 train, 11 validate, 12 package, 70 a defect, 130 stopped.
    """
    with contextlib.suppress(SettingsError):  # the verb that needs them says what is wrong
        network.switch(off=settings.load(Folders.default()).offline)


def main(arguments: list[str] | None = None) -> int:
    """The `expert-cli` command; returns the code to exit with (see `core.errors`).

    Exit codes beyond those: 70 for a defect, 130 after Ctrl-C.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Windows pipe would speak a code page
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app(args=arguments, prog_name="expert-cli")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
