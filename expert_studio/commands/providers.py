"""The verbs about providers: which there are, their keys, prices, and whether one answers.

A key is typed in or piped in, never an argument: those stay in histories and process
lists. Knows nothing of how providers are asked (`core.datasets.provider_client`).
"""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expert_studio.commands.report import AsJson, Sentences, say, say_json, say_table
from expert_studio.core.errors import SettingsError, UsageError
from expert_studio.core.settings import Folders

if TYPE_CHECKING:
    from expert_studio.core.datasets.provider_book import Provider, ProviderBook
    from expert_studio.core.datasets.provider_keys import KeyStore
    from expert_studio.core.datasets.provider_reply import Reply

provider_verbs = typer.Typer(
    cls=Sentences, no_args_is_help=True, help="Providers: models elsewhere that make rows."
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as deepseek, openai, ollama.")]
_TEST_QUESTION = "Answer with the one word: ready"


@provider_verbs.command("list")
def list_providers(as_json: AsJson = False) -> None:
    """Say which providers there are, whose key is known, and what they cost."""
    from expert_studio.core.datasets.provider_keys import KeyStore

    book, keys = _book(), KeyStore()
    found = [_summary(one, book, keys) for one in book.providers]
    if as_json:
        say_json({"providers": found})
        return
    rows = [
        (one["name"], one["address"] or "this process", _key_words(one), _prices_in_words(one))
        for one in found
    ]
    say_table(("provider", "address", "key", "models, US dollars a million tokens in / out"), rows)


@provider_verbs.command("add")
def add(
    name: Name,
    address: Annotated[
        str, typer.Option(metavar="URL", help="Of a server; with its version, as in …/v1.")
    ] = "",
    dialect: Annotated[str, typer.Option(help="openai or anthropic.")] = "openai",
    variable: Annotated[
        str, typer.Option(metavar="NAME", help="The environment variable that holds its key.")
    ] = "",
    no_key: Annotated[bool, typer.Option("--no-key", help="The server needs no key.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a provider's key in the keyring; with --address, add a server first.

    The key is asked for, or read from standard input: expert-cli provider add NAME < FILE.
    """
    from expert_studio.core.datasets.provider_book import Provider, save_book
    from expert_studio.core.datasets.provider_keys import KeyStore, checked_key

    book = _book()
    if address:
        server = Provider(name, name, dialect, address, variable, not no_key)  # type: ignore[arg-type]
        book = book.with_server(server)
    provider = book.provider(name)
    place = ""
    if provider.needs_key and not no_key:
        kept = KeyStore().keep(name, checked_key(_typed_key(provider)))
        place = kept.place
        if place != "keyring":
            raise SettingsError(
                f"The key of {provider.title} was not kept.",
                "This system has no keyring that works, and keys are not written to files.",
                f"Set {provider.key_variable or 'an environment variable named by --variable'}.",
            )
    if address:
        save_book(book, Folders.default().data)
    if as_json:
        say_json({"provider": name, "address": provider.address, "key": place or None})
        return
    kept_words = " Its key is in the keyring." if place else ""
    say(f"{provider.title} is added.{kept_words}")


@provider_verbs.command("remove")
def remove(name: Name, as_json: AsJson = False) -> None:
    """Forget a provider's key, and the server that was added under that name."""
    from expert_studio.core.datasets.provider_book import save_book
    from expert_studio.core.datasets.provider_keys import KeyStore

    book = _book()
    provider = book.provider(name)
    had_key = KeyStore().forget(name)
    had_server = name in book.added
    if had_server:
        save_book(book.without_server(name), Folders.default().data)
    if as_json:
        say_json({"provider": name, "key_removed": had_key, "server_removed": had_server})
        return
    what = [word for word, had in (("key", had_key), ("server", had_server)) if had]
    say(f"{provider.title}: {' and '.join(what)} removed." if what else "There was nothing kept.")


@provider_verbs.command("price")
def price(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Or PROVIDER/MODEL.")],
    given: Annotated[float, typer.Option("--input", help="US dollars a million input tokens.")],
    made: Annotated[float, typer.Option("--output", help="US dollars a million output tokens.")],
    as_json: AsJson = False,
) -> None:
    """Say what a model costs, where that is not known or has changed."""
    from datetime import UTC, datetime

    from expert_studio.core.datasets.provider_book import save_book
    from expert_studio.core.datasets.provider_prices import Price

    stated = Price(given, made, date=f"{datetime.now(UTC):%Y-%m-%d}")
    save_book(_book().with_price(model, stated), Folders.default().data)
    if as_json:
        say_json({"model": model, "input_usd": given, "output_usd": made, "date": stated.date})
        return
    say(f"{model}: ${given:g} in, ${made:g} out, a million tokens.")


@provider_verbs.command("test")
def try_out(
    name: Name,
    model: Annotated[
        str, typer.Option(help="Without it, the first the provider is known for.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Ask a provider one short question: does address, key and model work? Costs a few tokens."""
    provider = _book().provider(name)
    chosen = model or next(iter(provider.models), "")
    if provider.dialect == "local":
        raise UsageError("The local base is no provider elsewhere.", "", "Ask it with: infer")
    if not chosen:
        raise UsageError("No model is named.", "", f"Name one that {provider.title} has: --model")
    reply, seconds = asyncio.run(_ask(provider, chosen))
    answer = {
        "provider": name,
        "model": chosen,
        "text": reply.text,
        "ending": reply.ending,
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "seconds": round(seconds, 3),
    }
    if as_json:
        say_json(answer)
        return
    say(f"{provider.title} answered with {chosen} in {seconds:.1f} s: {reply.text.strip()[:200]}")


async def _ask(provider: Provider, model: str) -> tuple[Reply, float]:
    import time

    from expert_studio.core.datasets.provider_address import parse_address
    from expert_studio.core.datasets.provider_client import open_teacher
    from expert_studio.core.datasets.provider_keys import KeyStore
    from expert_studio.core.datasets.provider_reply import Question
    from expert_studio.core.datasets.provider_transport import Limits

    found = KeyStore().find(provider.name, provider.key_variable)
    limits = Limits(read_s=60.0, total_s=120.0)
    address = parse_address(provider.address)
    teacher = open_teacher(provider, address, found.secret if found else None, limits)
    begun = time.monotonic()
    try:
        question = Question(model, "You are brief.", _TEST_QUESTION, most_tokens=256)
        return await teacher.ask(question), time.monotonic() - begun
    finally:
        await teacher.close()


def _book() -> ProviderBook:
    from expert_studio.core.datasets.provider_book import load_book

    return load_book(Folders.default().data)


def _typed_key(provider: Provider) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"Key of {provider.title} (is not shown): ")
    return sys.stdin.read(4096)


def _summary(provider: Provider, book: ProviderBook, keys: KeyStore) -> dict[str, Any]:
    try:
        found = keys.find(provider.name, provider.key_variable)
    except SettingsError as cause:
        place, problem = None, cause.why
    else:
        place, problem = (found.place if found else None), ""
    prices = {model: book.price(provider, model) for model in provider.models}
    return {
        "name": provider.name,
        "title": provider.title,
        "dialect": provider.dialect,
        "address": provider.address,
        "needs_key": provider.needs_key,
        "key": place,
        "key_variable": provider.key_variable,
        "problem": problem,
        "added": provider.name in book.added,
        "models": [
            {
                "model": model,
                "input_usd": one.input_usd if one else None,
                "output_usd": one.output_usd if one else None,
                "source": one.source if one else None,
                "date": one.date if one else None,
            }
            for model, one in prices.items()
        ],
    }


def _key_words(said: dict[str, Any]) -> str:
    if said["problem"]:
        return f"unusable: {said['problem']}"
    if said["key"] is not None:
        return f"in the {said['key']}"
    return "missing" if said["needs_key"] else "not needed"


def _prices_in_words(said: dict[str, Any]) -> str:
    words = [
        f"{one['model']} {one['input_usd']:g} / {one['output_usd']:g}"
        if one["input_usd"] is not None
        else f"{one['model']} unknown"
        for one in said["models"]
    ]
    return ", ".join(words)
