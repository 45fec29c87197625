"""The verbs new, migrate, validate and lock: experts begun, said anew, looked over; stacks kept.

Knows nothing of how (`core.experts`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expert_studio.commands.bases import Base
from expert_studio.commands.consent import with_consent
from expert_studio.commands.library import opened_library
from expert_studio.commands.report import AsJson, say, say_aside, say_json, say_table
from expert_studio.commands.testing import Asked, run_tests
from expert_studio.core.errors import ManifestError, UsageError
from expert_studio.core.experts import stack_lock
from expert_studio.core.experts.acceptance import CONSENTS
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import storage_error
from expert_studio.core.experts.manifest import MAX_MANIFEST_BYTES
from expert_studio.core.experts.migration import SCHEMAS, migrated
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.experts.validation import validate as look_through
from expert_studio.core.settings import Folders
from expert_studio.core.training.scaffold import write_scaffold


def migrate(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="A manifest.json.")],
    to: Annotated[str, typer.Option(metavar="1.0|2.0", help="The schema to write.")] = "2.0",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Leave MANIFEST as it is.")
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", help="Which base to keep, where 1.0 has room for one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a manifest in the other schema, with nothing lost."""
    if to not in SCHEMAS:
        raise UsageError(f"There is no schema {to!r}.", "", "Say 1.0 or 2.0.")
    path = manifest / "manifest.json" if manifest.is_dir() else manifest
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_MANIFEST_BYTES + 1)
    except OSError as cause:
        raise UsageError(f"{path} cannot be read.", f"{cause.strerror or cause}.") from cause
    written, found = migrated(data, str(path), to, base)
    target = output or path
    try:
        write_by_rename(target, written)
    except OSError as cause:
        raise storage_error("The manifest could not be written.", cause, target.parent) from cause
    if as_json:
        say_json({"file": str(target), "schema_version": to, "notes": [str(d) for d in found]})
        return
    for deviation in found:
        say_aside(f"Note: {deviation}")
    say(f"{target} is written in schema {to}.")


def validate(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="An expert's folder, or a .expert.")],
    lint: Annotated[bool, typer.Option("--lint", help="Advice counts as an error too.")] = False,
    tests: Annotated[
        bool, typer.Option("--tests/--no-tests", help="Ask it its own test cases.")
    ] = True,
    base: Base = None,
    as_json: AsJson = False,
) -> None:
    """Look over an expert before it is given away; exit code 11 if there is something to mend.

    Programs are refused, the manifest, the weights and the tests are checked, and a trained
    expert is asked its own test cases.
    """
    if not path.exists():
        raise UsageError(f"{path} is not there.")
    folder = path.parent if path.name == "manifest.json" else path
    manifest, findings = look_through(folder)
    asked = Asked()
    if tests and manifest is not None and not any(f.level == "error" for f in findings):
        asked, more = run_tests(folder, manifest, base)
        findings = (*findings, *more)
    errors = [f for f in findings if lint or f.level == "error"]
    if as_json:
        said = None if manifest is None else f"{manifest.name} {manifest.version}"
        rows = [{"level": f.level, "where": f.where, "sentence": f.sentence} for f in findings]
        told = {"cases": asked.cases, "score": round(asked.score, 4), "metric": asked.metric}
        say_json({"expert": said, "ok": not errors, "findings": rows, "tests": told})
        if errors:
            raise typer.Exit(ManifestError.exit_code)
        return
    if findings:
        say_table(("", "where", "what"), [(f.level, f.where, f.sentence) for f in findings])
    if asked.cases:
        say(f"Its {asked.cases} test cases: {asked.metric} {asked.score:.3f}.")
    if errors:
        raise ManifestError(f"{path} is not ready.", f"{len(errors)} to mend.", "See above.")
    say(f"{path} is sound.")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a-z, 0-9 and hyphens.")],
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="./NAME without it.")
    ] = None,
    author: Annotated[str, typer.Option(help="Who makes it.")] = "",
    tier: Annotated[
        str, typer.Option(help="format, language, technology, domain or task.")
    ] = "task",
    requires: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Trained on top of this expert.")
    ] = None,
    license_name: Annotated[
        str, typer.Option("--license", help="An SPDX identifier.")
    ] = "Apache-2.0",
    as_json: AsJson = False,
) -> None:
    """Begin an expert's repository: data, recipe, manifest and tests, ready to be trained."""
    place = folder or Path(name)
    files = write_scaffold(
        *(place, name),
        author=author,
        tier=tier,
        requires=tuple(requires or ()),
        license_name=license_name,
    )
    if as_json:
        say_json({"name": name, "folder": str(place), "files": list(files)})
        return
    say(
        f"{name} is begun in {place}:",
        *(f"  {file}" for file in files),
        f"Train it with: expert-cli train --recipe {place / 'recipe.json'}",
    )


def lock(
    experts: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME[@SPEC]]...", help="What the stack holds.")
    ] = None,
    file: Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="The lock.")] = Path(
        stack_lock.LOCK_FILE
    ),
    restore: Annotated[
        bool, typer.Option("--restore", help="Bring the library to what the lock says instead.")
    ] = False,
    source: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="PATH", help="Where .expert files lie, for --restore."),
    ] = None,
    weight: Annotated[
        list[str] | None, typer.Option("--weight", metavar="NAME=W", help="How strongly it counts.")
    ] = None,
    base: Base = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="|".join(CONSENTS), help="Agree to this, for --restore."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep a stack's exact versions in a file, or bring them back from one."""
    library = opened_library()
    if restore:
        stack = stack_lock.read_lock(file)
        given = [consent in (allow or ()) for consent in CONSENTS]
        done = stack_lock.restore(
            stack,
            library,
            source or [],
            lambda path: with_consent(
                lambda acceptance: install(path, library, acceptance=acceptance), given
            ),
        )
        told = [f"{expert.name} {expert.version}" for expert in done.experts]
        if as_json:
            say_json({"experts": told, "installed": list(done.installed)})
            return
        say("Active now: " + ", ".join(told) + ".")
        return
    if not experts:
        raise UsageError("lock needs the experts of the stack.", "", "Or give --restore.")
    from expert_studio.core.inference.base_choice import base_folder, base_identity

    identity = base_identity(base_folder(base, Folders.default()))
    stack = stack_lock.lock(experts, library, identity, _weights(weight or []))
    stack_lock.write_lock(stack, file)
    rows = [(e.name, e.version, e.weights_sha256[:12]) for e in stack.experts]
    if as_json:
        say_json({"file": str(file), "experts": [f"{name} {v}" for name, v, _ in rows]})
        return
    say_table(("name", "version", "weights"), rows)
    say_aside(f"Kept in {file}.")


def _weights(given: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in given:
        name, equals, number = text.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            equals = ""
        if not equals or not -2 <= found[name] <= 2:
            raise UsageError(f"{text!r} is no weight.", "", "Write it as NAME=0.8, from -2 to 2.")
    return found
