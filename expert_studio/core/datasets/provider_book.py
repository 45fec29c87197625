"""The providers there are: known ones, and servers and prices a person added.

What was added lies in `providers.json` of the data folder. Keys never do
(`provider_keys`). Knows nothing of requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from expert_studio.core.datasets.provider_address import parse_address
from expert_studio.core.datasets.provider_prices import FREE, Price, known_price
from expert_studio.core.errors import SettingsError, StorageError

Dialect = Literal["openai", "anthropic", "local"]
FILE = "providers.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Provider:
    """Who can be asked to make rows.

    Attributes:
        dialect: the interface it speaks; "local" is a model of this process.
        address: of its interface, with the version in the path; "" for the local one.
        key_variable: the environment variable that may hold its key; "" for none.
        models: names worth offering first.
    """

    name: str
    title: str
    dialect: Dialect
    address: str = ""
    key_variable: str = ""
    needs_key: bool = True
    models: tuple[str, ...] = ()


KNOWN: tuple[Provider, ...] = (
    Provider(
        "deepseek", "DeepSeek", "openai", "https://api.deepseek.com", "DEEPSEEK_API_KEY",
        models=("deepseek-flash", "deepseek-v4-pro"),
    ),
    Provider(
        "openai", "OpenAI", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY",
        models=("gpt-6-luna", "gpt-4o-mini", "gpt-6.1-sol"),
    ),
    Provider(
        "anthropic", "Anthropic", "anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY",
        models=("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"),
    ),
    Provider("ollama", "Ollama", "openai", "http://127.0.0.1:11434/v1", needs_key=False),
    Provider("lm-studio", "LM Studio", "openai", "http://127.0.0.1:1234/v1", needs_key=False),
    Provider("vllm", "vLLM", "openai", "http://127.0.0.1:8000/v1", needs_key=False),
    Provider("llama-cpp", "llama.cpp", "openai", "http://127.0.0.1:8080/v1", needs_key=False),
    Provider("local", "Local base", "local", needs_key=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProviderBook:
    """Known providers, with what a person added or changed. A frozen value.

    Attributes:
        added: by name; one of a known name takes its place.
        prices: by "provider/model", or by model for every provider.
    """

    added: Mapping[str, Provider] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)

    @property
    def providers(self) -> tuple[Provider, ...]:
        """All of them, known ones first."""
        known = tuple(self.added.get(one.name, one) for one in KNOWN)
        names = {one.name for one in known}
        return (*known, *(one for name, one in sorted(self.added.items()) if name not in names))

    def provider(self, name: str) -> Provider:
        """The provider of that name.

        Raises:
            SettingsError: there is none.
        """
        found = next((one for one in self.providers if one.name == name), None)
        if found is None:
            raise SettingsError(
                f"There is no provider {name!r}.",
                f"Known are {', '.join(one.name for one in self.providers)}.",
                "Add a server: expert-cli provider add NAME --address http://127.0.0.1:11434/v1.",
            )
        return found

    def price(self, provider: Provider, model: str) -> Price | None:
        """What a model costs there: as the person says, else free at home, else as known."""
        stated = self.prices.get(f"{provider.name}/{model}") or self.prices.get(model)
        if stated is not None:
            return stated
        if provider.dialect == "local" or parse_address(provider.address).local:
            return FREE
        return known_price(model)

    def with_server(self, provider: Provider) -> Self:
        """The book with a server added or changed.

        Raises:
            SettingsError: the name or the dialect cannot be used.
            AddressRefused: the address cannot be used.
        """
        if not _NAME.fullmatch(provider.name) or provider.name == "local":
            raise SettingsError(
                f"{provider.name!r} cannot be the name of a provider.",
                "A name has 1 to 32 small letters, digits and dashes.",
                "For instance: my-server.",
            )
        if provider.dialect not in ("openai", "anthropic"):
            raise SettingsError(
                f"There is no dialect {provider.dialect!r}.", "Known are openai and anthropic."
            )
        parse_address(provider.address)
        return replace(self, added={**self.added, provider.name: provider})

    def without_server(self, name: str) -> Self:
        """The book without what was added under that name."""
        return replace(self, added={one: what for one, what in self.added.items() if one != name})

    def with_price(self, model: str, price: Price) -> Self:
        """The book with a price; `model` may be "provider/model".

        Raises:
            SettingsError: a price below 0 or not a number.
        """
        if not all(0 <= one < 1e6 for one in (price.input_usd, price.output_usd)):
            raise SettingsError(
                f"The price of {model} cannot be used.",
                "It is below 0, or not a number.",
                "Give US dollars for a million tokens.",
            )
        return replace(self, prices={**self.prices, model: price})


def load_book(data_folder: Path) -> ProviderBook:
    """Reads `providers.json`; without one there are the known providers.

    Raises:
        SettingsError: the file is there but cannot be read, or holds an address that
            cannot be used.
    """
    path = data_folder / FILE
    if not path.exists():
        return ProviderBook()
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
        book = ProviderBook()
        for stated in stored.get("providers", []):
            models = tuple(str(one) for one in stated.pop("models", ()))
            book = book.with_server(Provider(**stated, models=models))
        for model, stated in stored.get("prices", {}).items():
            book = book.with_price(model, Price(**stated))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as cause:
        raise SettingsError(
            f"The providers in {path} could not be read.",
            f"{cause}.",
            "Delete the file to start again with the known ones; keys are not in it.",
        ) from cause
    return book


def save_book(book: ProviderBook, data_folder: Path) -> None:
    """Writes `providers.json` by one rename.

    Raises:
        StorageError: the data folder cannot be written.
    """
    path = data_folder / FILE
    partial = path.with_suffix(".partial")
    stored = {
        "providers": [asdict(one) for _, one in sorted(book.added.items())],
        "prices": {model: asdict(price) for model, price in sorted(book.prices.items())},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise StorageError(
            "The providers could not be saved.",
            f"{cause.strerror or cause}.",
            f"Free some space or allow writing to {path.parent}.",
        ) from cause
