"""The hub's HTTP interface: which files a base has at one commit, and their hashes.

Knows nothing of disks, progress or pausing (`download` does). Torch-free. What is asked
is documented at https://huggingface.co/docs/hub/api: a revision's commit, one folder's
listing, and `resolve` for a file's bytes. A token goes to the hub's own host alone.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urljoin, urlsplit

from expert_studio.core import network
from expert_studio.core.errors import DownloadError
from expert_studio.core.inference.hub_files import HubFile, wanted_files

if TYPE_CHECKING:  # a tenth of a second, and few sessions ask the hub: imported where it is used
    import httpx

DEFAULT_ENDPOINT = "https://huggingface.co"
KEYRING_SERVICE = "expert-studio"
KEYRING_ACCOUNT = "huggingface"
MAX_ANSWER_BYTES = 8 << 20
MAX_PAGES = 20
MAX_REDIRECTS = 6
CONNECT_TIMEOUT_S = 10.0

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KnownBase:
    """A base this version was made for, pinned to one commit."""

    repo: str
    revision: str  # 40 hex digits
    weights_sha256: str  # of model.safetensors, known apart from what the hub says
    download_bytes: int  # about, weights alone
    license: str


# Commit and weight hash of each stand in many public repositories that pin the same base.
KNOWN_BASES = (
    KnownBase(
        "Qwen/Qwen3-0.6B",
        "c1899de289a04d12100db370d81485cdf75e47ca",
        "f47f71177f32bcd101b7573ec9171e6a57f4f4d31148d38e382306f42996874b",
        1_503_300_328,
        "Apache-2.0",
    ),
    KnownBase(
        "Qwen/Qwen2.5-0.5B-Instruct",
        "7ae557604adf67be50417f59c2c2f167def9a775",
        "fdf756fa7fcbe7404d5c60e26bff1a0c8b8aa1f72ced49e7dd0210fe288fb7fe",
        988_097_824,
        "Apache-2.0",
    ),
)


def known_base(repo: str) -> KnownBase | None:
    """The pinned base of that name, upper or lower case alike."""
    return next((base for base in KNOWN_BASES if base.repo.lower() == repo.lower()), None)


def is_offline() -> bool:
    """Whether the network is switched off (`core.network`), or the hub by `HF_HUB_OFFLINE`."""
    hub = os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
    return hub or network.is_off()


def offline_error(repo: str) -> DownloadError:
    """What is told instead of fetching while `is_offline`."""
    if network.is_off():
        return DownloadError(f"{repo} was not fetched.", network.why_off(), network.how_on())
    return DownloadError(
        f"{repo} was not fetched.",
        "The hub is switched off by HF_HUB_OFFLINE.",
        "Unset it, or copy the base's folder to this machine by other means.",
    )


def stored_token() -> str | None:
    """The hub token from `HF_TOKEN`, else from the system's keyring, else None."""
    from_environment = os.environ.get("HF_TOKEN", "").strip()
    if from_environment:
        return from_environment
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEYRING_SERVICE, KEYRING_ACCOUNT)
    except KeyringError:  # no keyring on this machine: the same as no token in it
        return None


class Hub:
    """One connection pool to one hub. Close it, or use it in a `with` block.

    Raises (every call): DownloadError.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        token: str | None = None,
        stall_s: float = 5.0,
    ) -> None:
        import httpx

        self._endpoint = _checked_endpoint(endpoint or os.environ.get("HF_ENDPOINT"))
        self._token = _checked_token(token, self._endpoint)
        self.host = urlsplit(self._endpoint).netloc
        self._client = httpx.Client(
            timeout=httpx.Timeout(stall_s, connect=CONNECT_TIMEOUT_S),
            # a proxy would never reach a server on this machine
            trust_env=not _is_loopback(self._endpoint),
            headers={"user-agent": "expert-studio"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def commit(self, repo: str, revision: str) -> str:
        """The commit a branch, tag or commit stands for: 40 hex digits."""
        answer, _ = self._json(
            f"{self._endpoint}/api/models/{repo}/revision/{quote(revision, safe='')}",
            repo,
        )
        found = answer.get("sha") if isinstance(answer, dict) else None
        if not isinstance(found, str) or not _COMMIT.fullmatch(found):
            raise self._nonsense(repo, "it named no commit")
        if _COMMIT.fullmatch(revision) and found != revision:
            raise self._nonsense(repo, "it answered with another commit than the one asked for")
        return found

    def files(self, repo: str, commit: str) -> tuple[HubFile, ...]:
        """The files of a base worth having: weights, tokenizer, configuration, licence."""
        entries: list[Any] = []
        url: str | None = f"{self._endpoint}/api/models/{repo}/tree/{commit}"
        for _ in range(MAX_PAGES):
            answer, url = self._json(url, repo)
            if not isinstance(answer, list):
                raise self._nonsense(repo, "its list of files is not a list")
            entries.extend(answer)
            if url is None:
                return wanted_files([self._file(entry, repo) for entry in entries], repo)
        raise self._nonsense(repo, "its list of files does not end")

    @contextmanager
    def stream(
        self, repo: str, commit: str, file: HubFile, first_byte: int
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Opens a file from `first_byte` on; yields where it really starts, and its pieces.

        Redirects are followed by hand: never from https to http, and the token is
        left behind when the host changes.
        """
        url = f"{self._endpoint}/{repo}/resolve/{commit}/{quote(file.name)}"
        for _ in range(MAX_REDIRECTS):
            headers = self._headers(url) | {"accept-encoding": "identity"}
            if first_byte:
                headers["range"] = f"bytes={first_byte}-"
            with self._opened(url, headers, repo) as response:
                if response.is_redirect:
                    url = self._redirected(url, response, repo)
                    continue
                if response.status_code == 416:  # what we have is not a beginning of it
                    yield 0, iter(())
                    return
                self._check(response, repo)
                yield _start(response), response.iter_raw()
                return
        raise self._nonsense(repo, f"{file.name} was redirected too often")

    def _json(self, url: str | None, repo: str) -> tuple[Any, str | None]:
        """One answer, and the address of the next page if there is one.

        A base that was renamed redirects on the same host, which is followed.
        """
        assert url is not None
        for _ in range(MAX_REDIRECTS):
            with self._opened(url, self._headers(url), repo) as response:
                if response.is_redirect:
                    url = self._same_host(self._redirected(url, response, repo), repo)
                    continue
                self._check(response, repo)
                body = self._body(response, repo)
                following = response.links.get("next", {}).get("url")
            try:
                answer = json.loads(body)
            except (ValueError, RecursionError) as cause:
                raise self._nonsense(repo, "its answer is not JSON") from cause
            next_page = self._same_host(urljoin(url, following), repo) if following else None
            return answer, next_page
        raise self._nonsense(repo, "it redirected too often")

    @contextmanager
    def _opened(self, url: str, headers: dict[str, str], repo: str) -> Iterator[httpx.Response]:
        """The hub's one way out."""
        if is_offline():
            raise offline_error(repo)
        with self._client.stream("GET", url, headers=headers) as response:
            yield response

    def _body(self, response: httpx.Response, repo: str) -> bytes:
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise self._nonsense(repo, "its answer is far too long")
        return bytes(body)

    def _same_host(self, url: str, repo: str) -> str:
        if _origin(url) != _origin(self._endpoint):
            raise self._nonsense(repo, "it sends on to another host for what only it can say")
        return url

    def _headers(self, url: str) -> dict[str, str]:
        if self._token and _origin(url) == _origin(self._endpoint):
            return {"authorization": f"Bearer {self._token}"}
        return {}

    def _redirected(self, url: str, response: httpx.Response, repo: str) -> str:
        import httpx

        try:
            target = str(httpx.URL(url).join(response.headers.get("location", "")))
        except httpx.InvalidURL:
            target = ""
        scheme = urlsplit(target).scheme
        if scheme not in {"http", "https"} or (url.startswith("https:") and scheme != "https"):
            raise self._nonsense(repo, "it redirected to an address that is not safe")
        return target

    def _check(self, response: httpx.Response, repo: str) -> None:
        """Turns a refusal into a sentence; server errors stay HTTP errors, to be tried again."""
        status = response.status_code
        if status in {401, 403}:
            raise DownloadError(
                f"{self.host} does not let you fetch {repo}.",
                "The base is gated, private or does not exist."
                if not self._token
                else "Your token is not valid, or has no access to this base.",
                f"Check the name, accept the licence on the page of {repo}, "
                "and set a token with read access in HF_TOKEN or in the keyring.",
            )
        if status == 404:
            raise DownloadError(
                f"{repo} was not found on {self.host}.",
                "There is no base of that name, or it has no such revision or file.",
                "Check the spelling: owner/name, for instance Qwen/Qwen3-0.6B.",
            )
        if 400 <= status < 500 and status not in {408, 429}:
            raise DownloadError(
                f"{self.host} refused to hand out {repo}.",
                f"It answered with status {status}.",
            )
        if response.is_error:
            response.raise_for_status()

    def _file(self, entry: Any, repo: str) -> HubFile | None:
        try:
            if entry["type"] != "file":
                return None
            lfs = entry.get("lfs")
            name, size = entry["path"], (lfs or entry)["size"]
            sha256, git_sha1 = (lfs["oid"], "") if lfs else ("", entry["oid"])
        except (KeyError, TypeError, AttributeError) as cause:
            raise self._nonsense(repo, "its list of files cannot be understood") from cause
        right_hash = _SHA256.fullmatch(str(sha256)) or _COMMIT.fullmatch(str(git_sha1))
        if not isinstance(name, str) or type(size) is not int or size < 0 or not right_hash:
            raise self._nonsense(repo, "its list of files cannot be understood")
        return HubFile(name, size, sha256, git_sha1)

    def _nonsense(self, repo: str, why: str) -> DownloadError:
        return DownloadError(
            f"{self.host} gave an answer about {repo} that makes no sense.",
            f"{why[0].upper()}{why[1:]}.",
            "Try again later, or unset HF_ENDPOINT if you use a mirror.",
        )


def check_names(repo: str, revision: str) -> None:
    """Refuses what cannot be a repository or a revision before it gets into an address.

    Raises:
        DownloadError: not `owner/name`, or not a branch, tag or commit.
    """
    if not _REPO.fullmatch(repo) or ".." in repo or repo.endswith("."):
        raise DownloadError(
            f"{repo!r} is not the name of a base.",
            "A name is owner/name, of letters, digits, dots, dashes and underscores.",
            "For instance: Qwen/Qwen3-0.6B.",
        )
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise DownloadError(
            f"{revision!r} is not a revision.",
            "A revision is a commit of 40 hex digits, a tag or a branch.",
            "Leave it away to take the pinned one.",
        )


def _start(response: httpx.Response) -> int:
    """The offset of an answer's first byte: 0 when the server ignored the range."""
    if response.status_code != 206:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    return int(match[1]) if match else 0


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_endpoint(endpoint: str | None) -> str:
    address = (endpoint or DEFAULT_ENDPOINT).rstrip("/")
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username
    except ValueError:
        usable = False
    if not usable:
        raise DownloadError(
            "The hub's address cannot be used.",
            "HF_ENDPOINT is not an http or https address without a name and password in it.",
            f"Unset it to use {DEFAULT_ENDPOINT}.",
        )
    return address


def _checked_token(token: str | None, endpoint: str) -> str | None:
    if not token:
        return None
    if not re.fullmatch(r"[\x21-\x7e]{1,512}", token):
        raise DownloadError(
            "The hub token cannot be used.",
            "It holds spaces or characters that no token has.",
            "Set HF_TOKEN to the token alone.",
        )
    if endpoint.startswith("http:") and not _is_loopback(endpoint):
        raise DownloadError(
            "The hub token was not sent.",
            "HF_ENDPOINT is a plain http address, on which others could read it.",
            "Use an https address, or unset the token.",
        )
    return token
