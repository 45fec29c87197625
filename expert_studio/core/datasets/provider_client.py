"""Asking a provider in its dialect, through its official client over our own transport.

Every failure leaves here as a ProviderError that has neither key nor request in it: it is
raised outside of the handler, so that no chain leads to the client's exception, which
holds the request's headers. The clients are imported when they are first needed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpcore2
import httpx2

from expert_studio.core.datasets.provider_address import Address, Resolve, resolve_name
from expert_studio.core.datasets.provider_book import Provider
from expert_studio.core.datasets.provider_failure import ProviderError
from expert_studio.core.datasets.provider_keys import Redactor, Secret
from expert_studio.core.datasets.provider_reply import LocalModel, Question, Reply, Teacher
from expert_studio.core.datasets.provider_stream import ReplyParts, anthropic_event, openai_event
from expert_studio.core.datasets.provider_transport import (
    Limits,
    ProviderTransport,
    quiet_clients,
)
from expert_studio.core.errors import ExpertError

_Read = Callable[[Question, ReplyParts], Awaitable[None]]
"""Sends a question in one dialect and gathers what comes back."""
NO_KEY = "none-needed"
_FINAL = {401, 402, 403, 404, 405, 410, 426, 451}
_AGAIN = {408, 409, 425, 429}
_OUT_OF_MONEY = ("insufficient_quota", "insufficient balance", "credit balance", "billing")


def open_teacher(
    provider: Provider,
    address: Address | None,
    key: Secret | None,
    limits: Limits,
    local: LocalModel | None = None,
    resolve: Resolve = resolve_name,
) -> Teacher:
    """Somebody to ask; nothing is dialled yet. Takes a second where clients must be imported.

    Raises:
        ProviderError: a key is missing or would go over a plain http address, or there is
            no local model.
    """
    if provider.dialect == "local":
        if local is None:
            raise ProviderError(
                "The local base cannot make rows here.", "No base is loaded.", "Load one first."
            )
        return _LocalTeacher(local, limits)
    assert address is not None
    if key is None and provider.needs_key:
        raise ProviderError(
            f"{provider.title} was not asked.",
            "There is no key for it.",
            f"Add one: expert-cli provider add {provider.name}, or set {provider.key_variable}.",
        )
    if key is not None and address.scheme == "http" and not address.local:
        raise ProviderError(
            f"The key was not sent to {address.host}.",
            "Its address is plain http, on which others could read it.",
            "Use an https address.",
        )
    redactor = Redactor([key] if key else [])
    carrier = httpx2.AsyncClient(
        transport=ProviderTransport(address, redactor, limits, resolve),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(limits.read_s, connect=limits.connect_s, pool=None),
    )
    told = key.reveal() if key else NO_KEY
    dialect = _anthropic if provider.dialect == "anthropic" else _openai
    read = dialect(provider, address, told, carrier)
    quiet_clients()
    return _RemoteTeacher(provider, address, read, carrier, redactor, limits)


class _LocalTeacher:
    def __init__(self, model: LocalModel, limits: Limits) -> None:
        self._model = model
        self._limits = limits

    async def ask(self, question: Question) -> Reply:
        try:
            async with asyncio.timeout(self._limits.total_s):
                return await self._model.answer(question)
        except TimeoutError:
            why = f"It took more than {self._limits.total_s:g} seconds."
            raise ProviderError("A reply could not be used.", why, scope="row") from None
        except ProviderError:
            raise
        except ExpertError as cause:
            raise ProviderError(cause.what, cause.why, cause.remedy) from cause

    async def close(self) -> None:
        return None


class _RemoteTeacher:
    """What both dialects share: deadline, failures, the end."""

    def __init__(
        self,
        provider: Provider,
        address: Address,
        read: _Read,
        carrier: httpx2.AsyncClient,
        redactor: Redactor,
        limits: Limits,
    ) -> None:
        self._provider = provider
        self._address = address
        self._read = read
        self._carrier = carrier
        self._redactor = redactor
        self._limits = limits

    async def ask(self, question: Question) -> Reply:
        parts = ReplyParts()
        failure: ProviderError | None = None
        try:
            async with asyncio.timeout(self._limits.total_s):
                await self._read(question, parts)
        except TimeoutError:
            failure = ProviderError(
                "A reply could not be used.",
                f"It did not end within {self._limits.total_s:g} seconds.",
                scope="row",
                paid=True,
            )
        except Exception as cause:
            failure = self._failure(cause)
            if failure is None:
                raise
        if failure is not None:
            failure.__context__ = failure.__cause__ = None
            raise failure.with_traceback(None)
        # a key that was cut in two by the events of a stream is whole only now
        return parts.reply(self._redactor.exact)

    async def close(self) -> None:
        await self._carrier.aclose()

    def _failure(self, cause: BaseException) -> ProviderError | None:
        """The sentence for what a client raised; None for a defect of ours."""
        status: int | None = None
        for one in _chain(cause):
            if isinstance(one, ProviderError):
                return one
            status = status or getattr(one, "status_code", None)
        if isinstance(status, int):
            return self._refusal(status, cause)
        if any(isinstance(one, _TIMED_OUT) for one in _chain(cause)):
            return self._unreached("it said nothing for too long", paid=True)
        if any(isinstance(one, _NOT_CONNECTED) for one in _chain(cause)):
            return self._unreached("it could not be connected to")
        if any(isinstance(one, _BROKEN) for one in _chain(cause)):
            return self._unreached("the connection broke", paid=True)
        if type(cause).__name__ == "APIError":  # told within the stream, after it began well
            told = self._redactor.sentence(str(cause))
            return ProviderError(
                f"{self._provider.title} broke off its reply.",
                f"It says: {told}",
                "Go on later.",
                scope="again",
                paid=True,
            )
        if isinstance(cause, _MISSHAPEN) or type(cause).__module__.startswith(_CLIENTS):
            return ProviderError(
                "A reply could not be used.",
                "It is not the JSON it should be.",
                scope="row",
                paid=True,
            )
        return None

    def _unreached(self, why: str, paid: bool = False) -> ProviderError:
        return ProviderError(
            f"{self._provider.title} cannot be reached.",
            f"{self._address.host}: {why}.",
            "Check the network and the address, then go on.",
            scope="again",
            paid=paid,
        )

    def _refusal(self, status: int, cause: BaseException) -> ProviderError:
        said = self._redactor.sentence(str(getattr(cause, "message", "") or cause))
        body = str(getattr(cause, "body", "") or "").lower()
        headers = getattr(getattr(cause, "response", None), "headers", {})
        out_of_money = any(sign in f"{said.lower()} {body}" for sign in _OUT_OF_MONEY)
        title = self._provider.title
        if status in {401, 403}:
            return ProviderError(
                f"{title} refused the key.", f"It says ({status}): {said}", "Check or renew it."
            )
        if status == 402 or (status == 429 and out_of_money):
            return ProviderError(
                f"{title} wants to be paid first.", f"It says ({status}): {said}", "Top it up."
            )
        if status in _FINAL:
            return ProviderError(
                f"{title} has no such model or address.",
                f"It says ({status}): {said}",
                "Check the model's name and the address.",
            )
        if status in _AGAIN or status >= 500 or status == 200:
            return ProviderError(
                f"{title} cannot answer now.",
                f"It says ({status}): {said}",
                "Go on later.",
                scope="again",
                retry_after_s=_retry_after(headers.get("retry-after-ms"), 1000)
                or _retry_after(headers.get("retry-after")),
            )
        return ProviderError(
            f"{title} refused a request.", f"It says ({status}): {said}", scope="row"
        )


def _openai(provider: Provider, address: Address, key: str, carrier: httpx2.AsyncClient) -> _Read:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key=key, base_url=address.url, max_retries=0, http_client=carrier)
    # OpenAI's newer models know only the first name, other servers only the second
    limit = "max_completion_tokens" if provider.name == "openai" else "max_tokens"

    async def read(question: Question, parts: ReplyParts) -> None:
        asked: dict[str, Any] = {
            "model": question.model,
            "messages": [
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.prompt},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            limit: question.most_tokens,
        }
        if question.temperature is not None:
            asked["temperature"] = question.temperature
        if address.local:
            asked["seed"] = question.seed
        if provider.name == "deepseek":
            kind = "enabled" if question.thinks else "disabled"
            asked["extra_body"] = {"thinking": {"type": kind}}
        stream = await client.chat.completions.create(**asked)
        async with stream:
            if _is_whole(stream.response):
                parts.take(openai_event(json.loads(await stream.response.aread())))
                return
            async for event in stream:
                parts.take(openai_event(event.model_dump(exclude_none=True, warnings=False)))

    return read


def _anthropic(
    _provider: Provider, address: Address, key: str, carrier: httpx2.AsyncClient
) -> _Read:
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(
        api_key=key,
        base_url=address.url,
        max_retries=0,
        http_client=carrier,
        open_telemetry=False,
    )

    async def read(question: Question, parts: ReplyParts) -> None:
        asked: dict[str, Any] = {
            "model": question.model,
            "system": question.system,
            "messages": [{"role": "user", "content": question.prompt}],
            "max_tokens": question.most_tokens,
            "stream": True,
        }
        if question.temperature is not None:
            asked["temperature"] = min(question.temperature, 1.0)
        stream = await client.messages.create(**asked)
        async with stream:
            if _is_whole(stream.response):
                parts.take(anthropic_event(json.loads(await stream.response.aread())))
                return
            async for event in stream:
                parts.take(anthropic_event(event.model_dump(exclude_none=True, warnings=False)))

    return read


_TIMED_OUT = (httpx2.TimeoutException, httpcore2.ReadTimeout, httpcore2.WriteTimeout)
_NOT_CONNECTED = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout)
_BROKEN = (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.TransportError, OSError)
# What the clients stumble over where events have another shape than the interface says.
_MISSHAPEN = (ValueError, TypeError, AttributeError, LookupError, RecursionError, AssertionError)
_CLIENTS = ("openai", "anthropic", "pydantic", "httpx2", "httpcore2")


def _chain(cause: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_whole(response: httpx2.Response) -> bool:
    """Whether a server answered with one JSON value although a stream was asked for."""
    return response.headers.get("content-type", "").startswith("application/json")


def _retry_after(stated: str | None, parts_of_a_second: int = 1) -> float | None:
    """Seconds a server asks us to wait: a number, or a date."""
    if not stated:
        return None
    try:
        seconds = float(stated) / parts_of_a_second
    except ValueError:
        from datetime import UTC, datetime
        from email.utils import parsedate_to_datetime

        try:
            seconds = (parsedate_to_datetime(stated) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return seconds if 0 <= seconds < float("inf") else None
