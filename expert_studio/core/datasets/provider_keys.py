"""Keys of providers: kept in the system's keyring, shown to nobody.

Knows nothing of requests. Where there is no keyring a key lives as long as this process,
and whoever asks is told so. Keyring calls may wait for the person to unlock it: off the
main thread.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import keyring
from keyring.errors import KeyringError

from expert_studio.core.errors import SettingsError

SERVICE = "expert-studio"
Place = Literal["session", "environment", "keyring"]
HIDDEN = "[key]"
FEWEST_CHARACTERS, MOST_CHARACTERS = 8, 512

_KEY = re.compile(r"[A-Za-z0-9._~+/=:@!*$,-]+")
# What other people's keys look like, for texts that a server made.
_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|rk)-[\w-]{12,}|\b[Bb]earer\s+\S+|\bx-api-key\W+\S+")


class Secret:
    """A key that does not show itself in `repr`, f-strings or tracebacks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> str:
        raise TypeError("a key is not written down")


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key and where it was found."""

    secret: Secret
    place: Place


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where a key is kept, and a sentence that says so."""

    place: Place
    sentence: str


class Redactor:
    """Takes keys out of texts, in the spellings servers echo them in."""

    def __init__(self, keys: Iterable[Secret] = ()) -> None:
        spellings: set[str] = set()
        for key in keys:
            value = key.reveal()
            spellings |= {value, value.replace("/", "\\/"), quote(value), quote(value, safe="")}
        self._spellings = tuple(sorted(spellings, key=len, reverse=True))
        self._bytes = tuple(one.encode() for one in self._spellings)
        self.longest = max(map(len, self._bytes), default=0)

    def exact(self, text: str) -> str:
        """The text without our keys; nothing else is touched."""
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        return text

    def exact_bytes(self, data: bytes) -> bytes:
        for spelling in self._bytes:
            data = data.replace(spelling, HIDDEN.encode())
        return data

    def sentence(self, text: str, most: int = 200) -> str:
        """A server's text for people: without keys of any kind, on one line, cut."""
        told = _LIKE_A_KEY.sub(HIDDEN, self.exact(text))
        told = " ".join("".join(c if c.isprintable() else " " for c in told).split())
        return told if len(told) <= most else told[: most - 1].rstrip() + "…"


def checked_key(text: str) -> Secret:
    """A key as a person gave it, blanks around it taken away.

    Raises:
        SettingsError: it holds a line end or another sign no key has, or is too short or long.
    """
    value = text.strip(" \t\r\n")
    if "\n" in value or "\r" in value:
        raise _refused("It has more than one line.")
    if not FEWEST_CHARACTERS <= len(value) <= MOST_CHARACTERS:
        raise _refused(f"It does not have {FEWEST_CHARACTERS} to {MOST_CHARACTERS} characters.")
    if not _KEY.fullmatch(value):
        raise _refused("It holds spaces or characters that no key has.")
    return Secret(value)


def _refused(why: str) -> SettingsError:
    return SettingsError("The key cannot be used.", why, "Copy the key alone, in one line.")


class KeyStore:
    """Finds and keeps keys: of this session, of the environment, of the keyring."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._session: dict[str, Secret] = {}

    def keyring_works(self) -> bool:
        """Whether what is written into the keyring can be read again; tried, not assumed."""
        account, probe = "self-test", secrets.token_hex(8)
        try:
            keyring.set_password(SERVICE, account, probe)
            read = keyring.get_password(SERVICE, account)
            keyring.delete_password(SERVICE, account)
        except Exception:  # noqa: BLE001 - backends raise what their system raises
            return False
        return read == probe

    def hold(self, provider: str, key: Secret) -> None:
        """Keeps a key for this session only."""
        self._session[provider] = key

    def keep(self, provider: str, key: Secret) -> Keeping:
        """Keeps a key in the keyring, or where that does not work for this session."""
        if self._kept_in_keyring(provider, key):
            self._session.pop(provider, None)
            return Keeping("keyring", "The key is kept in the system's keyring.")
        self.hold(provider, key)
        return Keeping(
            "session",
            "This system has no keyring that works: the key is kept until the app is closed, "
            "and nowhere on the disk.",
        )

    def _kept_in_keyring(self, provider: str, key: Secret) -> bool:
        if not self.keyring_works():
            return False
        try:
            keyring.set_password(SERVICE, _account(provider), key.reveal())
        except Exception:  # noqa: BLE001 - as above; the key goes no further
            return False
        return True

    def find(self, provider: str, variable: str = "") -> FoundKey | None:
        """The key of a provider; `variable` is the environment's name for it.

        Raises:
            SettingsError: the environment or the keyring holds something that cannot be a key.
        """
        if provider in self._session:
            return FoundKey(self._session[provider], "session")
        stated = self._environment.get(variable, "") if variable else ""
        if stated.strip():
            return FoundKey(checked_key(stated), "environment")
        try:
            kept = keyring.get_password(SERVICE, _account(provider))
        except Exception:  # noqa: BLE001 - no keyring on this machine: no key in it
            return None
        return FoundKey(checked_key(kept), "keyring") if kept else None

    def forget(self, provider: str) -> bool:
        """Removes the key of a provider from session and keyring; False where there was none."""
        there = self._session.pop(provider, None) is not None
        try:
            keyring.delete_password(SERVICE, _account(provider))
        except (KeyringError, OSError):
            return there
        return True


def _account(provider: str) -> str:
    return f"provider:{provider}"
