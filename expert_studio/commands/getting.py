"""The verbs install, update, uninstall, pin and activate: what comes into the library and goes.

Knows nothing of how (`core.experts`). Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from expert_studio.commands.bases import Base
from expert_studio.commands.consent import acceptance_of, with_consent
from expert_studio.commands.fetching import teller
from expert_studio.commands.library import opened_library, summary
from expert_studio.commands.report import AsJson, say, say_aside, say_json, say_table
from expert_studio.core.errors import UsageError
from expert_studio.core.experts.acquisition import (
    ANY_BASE,
    Acquisition,
    BaseWanted,
    acquire,
    install_all,
)
from expert_studio.core.experts.install import Installation
from expert_studio.core.experts.install_record import origin
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.linked import link
from expert_studio.core.experts.marketplaces import Marketplaces
from expert_studio.core.experts.removal import remove
from expert_studio.core.experts.source import Source, parse_source
from expert_studio.core.experts.update_preview import UpdatePreview
from expert_studio.core.experts.updates import newest, offers
from expert_studio.core.settings import Folders

AnyBase = Annotated[
    bool, typer.Option("--any-base", help="Also install one made for another base.")
]
AllowUnsigned = Annotated[
    bool, typer.Option("--allow-unsigned", help="Agree to one that nobody signed.")
]
AllowUnknownKey = Annotated[
    bool, typer.Option("--allow-unknown-key", help="Agree to a key you do not trust yet.")
]
AllowOtherKey = Annotated[
    bool, typer.Option("--allow-other-key", help="Agree to another signer than before.")
]
AllowOlder = Annotated[
    bool, typer.Option("--allow-older", help="Agree to a lower version than is installed.")
]


def install(  # noqa: PLR0917 - a verb's options are its arguments
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A .expert file, a folder, git+https://host/path#tag, or a marketplace's NAME.",
        ),
    ],
    base: Base = None,
    any_base: AnyBase = False,
    dev: Annotated[
        bool, typer.Option("--dev", help="Link a folder in place, to go on working on it.")
    ] = False,
    allow_unsigned: AllowUnsigned = False,
    allow_unknown_key: AllowUnknownKey = False,
    allow_other_key: AllowOtherKey = False,
    allow_older: AllowOlder = False,
    as_json: AsJson = False,
) -> None:
    """Install an expert and what it needs, checked against the base, and who signed them."""
    library, place = opened_library(), parse_source(source)
    wanted = ANY_BASE if any_base else _base(base)
    if dev:
        if place.kind != "folder" or place.path is None:
            raise UsageError("--dev goes with a folder.", "", "Name the expert's own folder.")
        expert = link(place.path, library, wanted.folder)
        _say_installed([Installation(expert, ("It is linked in place.",))], as_json)
        return
    given = (allow_unsigned, allow_unknown_key, allow_other_key, allow_older)
    with _acquired(place, library, wanted, given, as_json) as got:
        _say_installed(_installed(got, library, wanted, given), as_json)


def update(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="All of them without it.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what there is, and what would change.")
    ] = False,
    base: Base = None,
    any_base: AnyBase = False,
    allow_unsigned: AllowUnsigned = False,
    allow_unknown_key: AllowUnknownKey = False,
    allow_other_key: AllowOtherKey = False,
    as_json: AsJson = False,
) -> None:
    """Bring experts to their newest version, from where they came: by tag, or a marketplace."""
    folders, library = Folders.default(), opened_library()
    markets = Marketplaces(folders)
    wanted = ANY_BASE if any_base else _base(base)
    given = (allow_unsigned, allow_unknown_key, allow_other_key, False)
    told: list[dict[str, Any]] = []
    for name in names or _updatable(library, markets):
        offer = newest(name, folders, library, markets)
        if offer is None:
            active = library.find(name)
            told.append({"name": active.name, "installed": active.version, "version": None})
            if not as_json:
                say(f"{active.name} {active.version} is the newest.")
            continue
        with _acquired(offer.source, library, wanted, given, as_json) as got:
            shown = got.experts[-1].preview
            told.append(_preview_as_json(shown) | {"updated": not check})
            if not as_json:
                _say_preview(shown)
            if check:
                continue
            done = _installed(got, library, wanted, given)
            library.activate(offer.name, offer.version)
            if not as_json:
                _say_installed(done, False)
    if as_json:
        say_json({"experts": told})


def uninstall(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="`expert-` may be absent.")],
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Also remove the experts that need it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove an expert, one version or all, unless others need it; it lies in the trash a day."""
    removed = remove(name, opened_library(), cascade)
    versions = [text.rpartition(" ")[2] for text in removed.experts]
    if as_json:
        more = {"experts": list(removed.experts)}
        say_json({"uninstalled": name, "versions": versions} | more)
        return
    if len(removed.experts) > 1 or "@" in name:
        say(f"Uninstalled: {', '.join(removed.experts)}.")
        return
    say(f"{name} is uninstalled.")


def pin(
    name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]")],
    remove_pin: Annotated[bool, typer.Option("--remove", help="Take the pin away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep an expert at a version: it stays active, and update passes it over."""
    library = opened_library()
    bare, _, version = name.partition("@")
    if remove_pin:
        expert = library.unpin(bare)
    else:
        expert = library.activate(bare, version or library.find(bare).version, pinned=True)
    if as_json:
        say_json({"name": expert.name, "version": expert.version, "pinned": not remove_pin})
        return
    how = "is active, and no longer pinned" if remove_pin else "is active, and pinned"
    say(f"{expert.name} {expert.version} {how}.")


def activate(
    name: Annotated[str, typer.Argument(metavar="NAME@VERSION")], as_json: AsJson = False
) -> None:
    """Make an installed version the active one."""
    bare, at, version = name.partition("@")
    if not at:
        raise UsageError("activate needs a version.", "", "Write NAME@1.2.0.")
    expert = opened_library().activate(bare, version)
    if as_json:
        say_json({"name": expert.name, "version": expert.version})
        return
    say(f"{expert.name} {expert.version} is active.")


def _base(base: str | None) -> BaseWanted:
    from expert_studio.core.inference.base_choice import base_folder, base_identity

    folder = base_folder(base, Folders.default())
    return BaseWanted(*base_identity(folder), folder)


def _acquired(
    source: Source, library: Library, base: BaseWanted, given: Sequence[bool], quiet: bool
) -> Acquisition:
    folders = Folders.default()
    markets, acceptance = Marketplaces(folders), acceptance_of(given)
    return acquire(source, folders, library, markets, acceptance, base, tell=teller(quiet))


def _installed(
    got: Acquisition, library: Library, base: BaseWanted, given: Sequence[bool]
) -> list[Installation]:
    done = with_consent(lambda acceptance: install_all(got, library, acceptance, base), given)
    return [replace(one, warnings=(*got.warnings, *one.warnings)) for one in done]


def _say_installed(done: Sequence[Installation], as_json: bool) -> None:
    if as_json:
        last = done[-1]
        more = [summary(one.expert) for one in done[:-1]]
        warnings = [text for one in done for text in one.warnings]
        say_json({"expert": summary(last.expert), "also": more, "warnings": warnings})
        return
    for one in done:
        for warning in one.warnings:
            say_aside(f"Note: {warning}")
        say(f"{one.expert.name} {one.expert.version} is installed.")


def _updatable(library: Library, markets: Marketplaces) -> list[str]:
    """Those an update may be asked for: listed with a newer version, or from a repository."""
    listed = {offer.name for offer in offers(library, markets)}
    found = []
    for expert in library.experts():
        record = origin(expert.folder)
        from_git = str(record.get("source", "")).startswith("git+") and not record.get("market")
        if (expert.name in listed or from_git) and library.pinned(expert.name) is None:
            found.append(expert.name)
    return found


def _preview_as_json(shown: UpdatePreview) -> dict[str, Any]:
    changes = [
        {"field": c.field, "before": c.before, "after": c.after, "level": c.level}
        for c in shown.changes
    ]
    files = [
        {"path": f.path, "state": f.state, "before": f.before_sha256, "after": f.after_sha256}
        for f in shown.files
        if f.state != "same"
    ]
    signers = {"signer_before": shown.signer_before, "signer_after": shown.signer_after}
    return {
        "name": shown.name,
        "installed": shown.before,
        "version": shown.after,
        "changes": changes,
        "files": files,
        "breaks": list(shown.breaks),
        "consents": list(shown.consents),
        "refusal": shown.refusal,
    } | signers


def _say_preview(shown: UpdatePreview) -> None:
    say(f"{shown.name}: {shown.before} to {shown.after}.")
    rows = [(c.field, c.before or "-", c.after or "-") for c in shown.changes]
    rows += [
        (f.path, f.before_sha256[:12] or "-", f.after_sha256[:12] or "-")
        for f in shown.files
        if f.state != "same"
    ]
    rows.append(("signed by", shown.signer_before or "nobody", shown.signer_after or "nobody"))
    say_table(("what", "as it is", "as it would be"), rows)
    for sentence in (*shown.breaks, *filter(None, [shown.refusal])):
        say_aside(f"Note: {sentence}")
