"""The only way to a provider: one host, capped replies, no redirects, no key in what comes back.

Stands beneath the providers' own clients as their transport. Reads no settings of the
environment (proxies, certificates, headers). Knows nothing of dialects.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import httpcore2
import httpx2

from expert_studio.core.datasets.provider_address import (
    Address,
    GuardedDialler,
    Resolve,
    resolve_name,
)
from expert_studio.core.datasets.provider_failure import ProviderError
from expert_studio.core.datasets.provider_keys import Redactor

MOST_ERROR_BYTES = 64 << 10  # of a reply that is an error; what comes after is not read
MOST_CONNECTIONS = 64
USABLE_TYPES = ("application/json", "text/event-stream")
_NEEDED = frozenset(
    b"host connection accept content-type content-length transfer-encoding authorization "
    b"x-api-key anthropic-version".split()
)
_TALKATIVE = ("httpcore2", "httpx2", "openai", "anthropic")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much and how long a reply may be.

    Attributes:
        bytes: of one reply, as it comes over the line.
        connect_s, read_s: of connecting; between two pieces of a reply.
        total_s: of one request from first to last byte.
    """

    bytes: int = 8 << 20
    connect_s: float = 15.0
    read_s: float = 180.0
    total_s: float = 900.0


class ProviderTransport(httpx2.AsyncBaseTransport):
    """Carries requests to one address.

    Raises (from the client that uses it, as a cause):
        ProviderError: another host, a redirect, a reply too large, packed or of a wrong kind.
    """

    def __init__(
        self,
        address: Address,
        redactor: Redactor,
        limits: Limits,
        resolve: Resolve = resolve_name,
    ) -> None:
        self._address = address
        self._redactor = redactor
        self._limits = limits
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False)
            if address.scheme == "https"
            else None,
            max_connections=MOST_CONNECTIONS,
            network_backend=GuardedDialler(address, resolve),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends one request; its reply's body is capped and rid of the key as it is read."""
        self._check_target(request.url)
        response = await self._pool.handle_async_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=_plain_headers(request.headers),
                content=cast(httpx2.AsyncByteStream, request.stream),
                extensions=request.extensions,
            )
        )
        body = cast(httpx2.AsyncByteStream, response.stream)
        try:
            headers = httpx2.Headers(
                [(name, self._redactor.exact_bytes(value)) for name, value in response.headers]
            )
            self._check_reply(response.status, headers)
        except BaseException:
            await body.aclose()
            raise
        return httpx2.Response(
            response.status,
            headers=headers,
            stream=_CappedBody(body, response.status, self._limits.bytes, self._redactor),
        )

    async def aclose(self) -> None:
        await self._pool.aclose()

    def _check_target(self, url: httpx2.URL) -> None:
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode("ascii").lower().strip("[]")
        if (url.scheme, host, port) != (
            self._address.scheme,
            self._address.host,
            self._address.port,
        ):
            raise ProviderError("The provider was not asked.", "Its client meant another host.")

    def _check_reply(self, status: int, headers: httpx2.Headers) -> None:
        host = self._address.host
        if 300 <= status < 400:
            target = self._redactor.sentence(headers.get("location", "nowhere"), 120)
            raise ProviderError(
                f"{host} sends us elsewhere.",
                f"It answered with a redirect to {target}, which was not followed.",
                "If that is the right address, give it as the provider's own.",
            )
        if not 200 <= status < 300:
            return
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in USABLE_TYPES:
            told = self._redactor.sentence(kind, 60) or "of no stated kind"
            raise _lost(f"The reply is not JSON but {told}.")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise _lost("The reply is packed, though plain text was asked for.")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limits.bytes:
            raise too_large(self._limits.bytes)


class _CappedBody(httpx2.AsyncByteStream):
    """A body cut or refused at the cap; a key that lies across two pieces is found too."""

    def __init__(
        self, body: httpx2.AsyncByteStream, status: int, most_bytes: int, redactor: Redactor
    ) -> None:
        self._body = body
        self._is_error = status >= 400
        self._most = MOST_ERROR_BYTES if self._is_error else most_bytes
        self._redactor = redactor

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen, held = 0, b""
        keep = max(0, self._redactor.longest - 1)
        async for piece in self._body:
            seen += len(piece)
            if seen > self._most:
                if not self._is_error:
                    raise too_large(self._most)
                break
            held = self._redactor.exact_bytes(held + piece)
            # An event ends with an empty line; no key holds one, so nothing need be held back.
            ready = len(held) if held.endswith(b"\n\n") else max(0, len(held) - keep)
            if ready:
                yield held[:ready]
                held = held[ready:]
        if held:
            yield held

    async def aclose(self) -> None:
        await self._body.aclose()


def _plain_headers(headers: httpx2.Headers) -> list[tuple[bytes, bytes]]:
    """The headers a request needs, without what clients tell about this machine, or take from
    its environment for another host."""
    kept = [(name, value) for name, value in headers.raw if name.lower() in _NEEDED]
    return [*kept, (b"accept-encoding", b"identity"), (b"user-agent", b"expert-studio")]


def too_large(most_bytes: int) -> ProviderError:
    """The failure of a reply over the cap."""
    return _lost(f"The reply was cut: it is larger than {most_bytes:,} bytes.")


def _lost(why: str) -> ProviderError:
    return ProviderError("A reply could not be used.", why, scope="row", paid=True)


def quiet_clients() -> None:
    """Has the clients' own loggers tell warnings only: at DEBUG they write down requests.

    To be called after they were imported, as an environment variable turns them up then.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(tuple(f"{one}." for one in _TALKATIVE)):
            logging.getLogger(name).setLevel(logging.NOTSET)
