"""Which addresses a provider may have, and which of them is dialled.

An address is read once, by the parser that the connection is made with, so that no two
parsers can disagree. Names are resolved once, every result is checked, and one of those
very results is dialled. Link-local and metadata addresses are never dialled; addresses of
this machine or network only where the person gave exactly such an address. Knows nothing
of HTTP.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

import httpcore2
import httpx2

from expert_studio.core import network
from expert_studio.core.datasets.provider_failure import AddressRefused

IP = IPv4Address | IPv6Address
Reach = Literal["public", "local", "never"]
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The IP addresses a name has."""

MOST_CHARACTERS = 2000
# Metadata services outside of the link-local ranges: AWS over IPv6, Alibaba, Azure.
_METADATA = tuple(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")))
_METADATA_NAMES = {"metadata", "metadata.google.internal", "instance-data"}
_SHARED = ip_network("100.64.0.0/10")  # carrier-grade NAT, RFC 6598
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_LOCAL_NAMES = {"localhost"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a provider's interface lies.

    Attributes:
        url: scheme, host, port and path, without a slash at the end.
        host: in lower case, without brackets.
        local: the person gave an address of this machine or network.
    """

    url: str
    scheme: str
    host: str
    port: int
    local: bool

    def allows(self, ip: IP) -> bool:
        """Whether this address may lead to that IP address."""
        if not self.local:
            return reach(ip) == "public"
        if self.host in _LOCAL_NAMES:
            return ip.is_loopback
        return reach(ip) == "local" and ip == ip_address(self.host)


def parse_address(text: str) -> Address:
    """Reads the address a person gave.

    Raises:
        AddressRefused: it is not one, has a name and password in it, an unusual spelling of
            a number, or leads where nothing may be dialled.
    """
    if not text or len(text) > MOST_CHARACTERS or re.search(r"[\x00-\x20\x7f\\]", text):
        raise _refused(text, "It is empty, too long, or has blanks or other signs none has.")
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError, UnicodeError):
        url = None
    if url is None or url.scheme not in {"http", "https"} or not url.host:
        raise _refused(text, "It is not an http or https address.")
    if url.userinfo or "@" in text:
        raise _refused("", "It has a name and password in it.")
    if url.query or url.fragment or "?" in text or "#" in text:
        raise _refused(text, "It has a query or a fragment.")
    host = url.raw_host.decode("ascii").lower().strip("[]")
    port = url.port or (443 if url.scheme == "https" else 80)
    if not 0 < port < 65536:
        raise _refused(text, "Its port is not one of 1 to 65535.")
    kept = str(url).rstrip("/")
    return Address(kept, url.scheme, host, port, _is_local(text, host))


def reach(ip: IP) -> Reach:
    """How far an IP address reaches; one that wraps another counts as the one inside."""
    if ip in _METADATA or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return "never"
    inside = _wrapped(ip)
    if inside is not None:
        return "never" if reach(inside) != "public" else "public"
    if ip.is_loopback or ip in _SHARED:
        return "local"
    if ip.is_reserved or ip in ip_network("240.0.0.0/4") or ip in ip_network("0.0.0.0/8"):
        return "never"
    return "public" if ip.is_global else "local"


def _wrapped(ip: IP) -> IPv4Address | None:
    if isinstance(ip, IPv4Address):
        return None
    if ip in _NAT64 or (int(ip) < 1 << 32 and not ip.is_loopback):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _is_local(text: str, host: str) -> bool:
    if host.endswith("."):
        raise _refused(text, "Its host ends with a dot.")
    if host in _METADATA_NAMES:
        raise _refused(text, "It is that of a cloud's metadata service.")
    try:
        ip = ip_address(host)
    except ValueError:
        pass
    else:
        if reach(ip) == "never":
            raise _refused(text, "It leads to a link-local, metadata or unroutable address.")
        return reach(ip) == "local"
    if "%" in host or not _NAME.fullmatch(host):
        raise _refused(text, "Its host is not a name.")
    # 2130706433, 0x7f.1, 0177.0.0.1, 127.1: connect() takes these for numbers
    if re.fullmatch(r"0x[0-9a-f]*|\d+", host.rpartition(".")[2]):
        raise _refused(text, "Its host is a number in an unusual spelling.")
    return host in _LOCAL_NAMES


def _refused(text: str, why: str) -> AddressRefused:
    shown = f" {text[:80]!r}" if text else ""
    return AddressRefused(
        f"The address{shown} cannot be used.",
        why,
        "Give one such as https://api.example.com/v1, or http://127.0.0.1:11434/v1.",
    )


async def resolve_name(host: str, port: int) -> list[str]:
    """The IP addresses of a name, as this machine sees them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class GuardedDialler(httpcore2.AsyncNetworkBackend):
    """Dials one address, and nothing that it does not allow."""

    def __init__(self, address: Address, resolve: Resolve = resolve_name) -> None:
        self._address = address
        self._resolve = resolve
        self._dialler = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the interface has it)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connects to the first that answers of the addresses `host` has.

        Raises:
            AddressRefused: one of them may not be dialled.
        """
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for ip in await self._checked(host, port, timeout):
            try:
                return await self._dialler.connect_tcp(
                    ip, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as cause:
                failure = cause
        raise failure or httpcore2.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _checked(self, host: str, port: int, limit_s: float | None) -> list[str]:
        if network.is_off() and not network.is_this_machine(host):
            raise AddressRefused(f"{host} was not asked.", network.why_off(), network.how_on())
        try:
            found = await asyncio.wait_for(self._resolve(host.strip("[]"), port), limit_s)
        except OSError as cause:  # TimeoutError among them
            raise httpcore2.ConnectError(f"{host} could not be found") from cause
        for one in found:
            ip = ip_address(one.partition("%")[0])
            if not self._address.allows(ip):
                raise AddressRefused(
                    f"{host} was not asked.",
                    f"It leads to {ip}, which is not an address it may have.",
                    "For a server of your own, give its IP address itself.",
                )
        return found
