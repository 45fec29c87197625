"""The verbs search and marketplace: which experts there are to be had, and where they are listed.

Knows nothing of indexes (`core.experts.marketplaces`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.fetching import teller
from expert_studio.commands.report import AsJson, Sentences, say, say_aside, say_json, say_table
from expert_studio.core.experts.marketplace import Entry
from expert_studio.core.experts.marketplace_submit import submit as prepare
from expert_studio.core.experts.marketplaces import Marketplace, Marketplaces
from expert_studio.core.settings import Folders

marketplace_verbs = typer.Typer(
    cls=Sentences, no_args_is_help=True, help="Where experts are listed: indexes in repositories."
)
MarketName = Annotated[str, typer.Argument(metavar="NAME", help="What you call it.")]


def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="All have to stand in it.")
    ] = None,
    category: Annotated[str, typer.Option(help="Only of this shelf.")] = "",
    market: Annotated[str, typer.Option(help="Only of this marketplace.")] = "",
    verified: Annotated[
        bool, typer.Option("--verified", help="Only of publishers the marketplace has verified.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search the marketplaces, in the copies fetched last; see: marketplace update."""
    markets = Marketplaces(Folders.default())
    found = markets.search(" ".join(words or ()), category, market, verified)
    if as_json:
        say_json({"experts": [entry_as_json(entry) for entry in found]})
        return
    for problem in markets.problems():
        say_aside(f"Note: {problem}")
    if not found:
        say("Nothing of that kind is listed." if markets.all() else "There is no marketplace yet.")
        return
    rows = [
        (e.name, e.latest_version, _by(e), ", ".join(e.categories), e.market, e.description)
        for e in found
    ]
    say_table(("name", "latest", "by", "category", "market", "what it does"), rows)


@marketplace_verbs.command("list")
def list_markets(as_json: AsJson = False) -> None:
    """List the marketplaces, in the order they count in."""
    markets = Marketplaces(Folders.default())
    rows = [_as_json(markets, market) for market in markets.all()]
    if as_json:
        say_json({"marketplaces": rows})
        return
    if not rows:
        say(
            "There is no marketplace yet.", "Add one: expert-cli marketplace add NAME git+https://…"
        )
        return
    say_table(
        ("name", "experts", "fetched", "from", "problem"),
        [(r["name"], str(r["experts"]), r["fetched_at"], r["source"], r["problem"]) for r in rows],
    )


@marketplace_verbs.command("add")
def add(
    name: MarketName,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="git+https://host/path#branch.")],
    as_json: AsJson = False,
) -> None:
    """Fetch a marketplace's index and keep a copy."""
    markets = Marketplaces(Folders.default())
    added = markets.add(name, source, tell=teller(as_json))
    _say_one(markets, added, as_json)


@marketplace_verbs.command("remove")
def remove(name: MarketName, as_json: AsJson = False) -> None:
    """Forget a marketplace; what was installed from it stays."""
    Marketplaces(Folders.default()).remove(name)
    if as_json:
        say_json({"removed": name})
        return
    say(f"{name} is forgotten.")


@marketplace_verbs.command("update")
def update(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="All of them without it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Fetch the indexes anew."""
    markets = Marketplaces(Folders.default())
    done = markets.update(name, tell=teller(as_json))
    if as_json:
        say_json({"marketplaces": [_as_json(markets, one) for one in done]})
        return
    for one in done:
        if name in ("", one.name):
            _say_one(markets, one, False)
    for problem in markets.problems():
        say_aside(f"Note: {problem}")


@marketplace_verbs.command("browse")
def browse(
    category: Annotated[str, typer.Argument(metavar="[CATEGORY]")] = "", as_json: AsJson = False
) -> None:
    """List the shelves, or what stands on one."""
    if category:
        search([], category, as_json=as_json)
        return
    shelves = Marketplaces(Folders.default()).categories()
    if as_json:
        told = [{"name": c.name, "title": c.title, "experts": c.experts} for c in shelves]
        say_json({"categories": told})
        return
    say_table(
        ("category", "experts", "what it is"),
        [(c.name, str(c.experts), f"{c.title} {c.description}".strip()) for c in shelves],
    )


@marketplace_verbs.command("show")
def show(
    expert: Annotated[str, typer.Argument(metavar="EXPERT")],
    market: Annotated[str, typer.Option(help="As this marketplace lists it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show one listed expert with its versions."""
    entry = Marketplaces(Folders.default()).entry(expert, market)
    if as_json:
        say_json(entry_as_json(entry))
        return
    rows = [(key.replace("_", " "), _in_words(v)) for key, v in entry_as_json(entry).items()]
    say_table(("", ""), [row for row in rows if row[1]])


@marketplace_verbs.command("submit")
def submit(
    manifest: Annotated[Path, typer.Argument(metavar="FOLDER", help="An expert's repository.")],
    market: Annotated[str, typer.Option("--to", metavar="NAME", help="The marketplace.")],
    repository: Annotated[
        str, typer.Option(metavar="SOURCE", help="Where it can be fetched: git+https://host/path.")
    ],
    ref: Annotated[str, typer.Option(help="Its tag; v<version> without it.")] = "",
    category: Annotated[
        list[str] | None, typer.Option(help="The shelf; more than one may be given.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the branch is prepared.")
    ] = Path("marketplace-change"),
    as_json: AsJson = False,
) -> None:
    """Prepare an entry as a branch of the marketplace, for you to push and propose."""
    done = prepare(
        *(manifest, Marketplaces(Folders.default()), market, repository, output),
        ref=ref,
        categories=tuple(category or ()),
        tell=teller(as_json),
    )
    if as_json:
        files = {"branch": done.branch, "folder": str(done.folder), "commit": done.commit}
        say_json({"name": done.name, "version": done.version, "files": list(done.files)} | files)
        return
    say(
        f"{done.name} {done.version} stands on the branch {done.branch} in {done.folder}:",
        *(f"  {name}" for name in done.files),
        f"Push it and propose it: git -C {done.folder} push URL {done.branch}",
    )


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """One entry as `search --json` and `marketplace show --json` say it."""
    versions = [
        {"version": v.version, "ref": v.ref, "commit": v.commit, "requires": list(v.requires)}
        for v in entry.versions
    ]
    return {
        "name": entry.name,
        "description": entry.description,
        "latest_version": entry.latest_version,
        "author": entry.author,
        "publisher": entry.publisher,
        "public_key": entry.public_key,
        "verified": entry.verified,
        "license": entry.license,
        "categories": list(entry.categories),
        "tags": list(entry.tags),
        "bases": list(entry.bases),
        "repository": entry.repository,
        "marketplace": entry.market,
        "added_at": entry.added_at,
        "updated_at": entry.updated_at,
        "versions": versions,
        "notes": list(entry.notes),
    }


def _by(entry: Entry) -> str:
    name = entry.publisher or entry.author
    return f"{name} (verified)" if entry.verified else name


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        texts = [v if isinstance(v, str) else f"{v['version']} ({v['ref']})" for v in value]
        return ", ".join(texts)
    return str(value)


def _as_json(markets: Marketplaces, market: Marketplace) -> dict[str, Any]:
    listed = [e for e in markets.entries() if e.market == market.name]
    return {
        "name": market.name,
        "source": market.source,
        "commit": market.commit,
        "fetched_at": market.fetched_at,
        "experts": len(listed),
        "problem": market.problem,
    }


def _say_one(markets: Marketplaces, market: Marketplace, as_json: bool) -> None:
    if as_json:
        say_json(_as_json(markets, market))
        return
    told = _as_json(markets, market)
    say(f"{market.name} lists {told['experts']} experts, as of {market.fetched_at}.")
