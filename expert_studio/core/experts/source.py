"""Where an expert may come from, as a person writes it.

    git+https://host/owner/json-parser.git          the default branch
    git+https://host/owner/experts.git#v1.2.0       a tag, or a branch
    git+ssh://git@host/owner/experts.git#main:json  a folder in it
    git+file:///srv/experts/json-parser.git         a repository on this machine
    file:///home/ana/json-parser.expert             a package, or a folder
    ./json-parser.expert   ./json-parser            the same by path
    json-parser   json-parser@>=1.0.0,<2.0.0        by name, from a marketplace

Knows nothing of how anything is fetched. What would be an option to `git` or `ssh`, holds a
password, or names another protocol is refused here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from expert_studio.core.errors import DependencyError, UsageError
from expert_studio.core.experts.requirement import parse_requirement

Kind = Literal["git", "package", "folder", "name"]
MAX_CHARACTERS = 2000
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PATH = re.compile(r"/[A-Za-z0-9._~+@%/ -]*")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+/-]*")
_SUBFOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")
_REMEDY = "Write git+https://host/path#tag, a .expert file, a folder, or a name."


@dataclass(frozen=True, slots=True)
class Source:
    """One place. Only the fields of its kind are filled."""

    kind: Kind
    text: str  # as written
    url: str = ""  # git: https://…, ssh://… or file:///…
    ref: str = ""  # git: a tag, a branch, or a commit's 40 digits; "" is the default branch
    subfolder: str = ""  # git: the expert's folder in the repository; "" is its root
    path: Path | None = None  # package, folder
    requirement: str = ""  # name: name@spec

    @property
    def scheme(self) -> str:
        """https, ssh or file of a repository; "" of anything else."""
        return urlsplit(self.url).scheme

    def at(self, ref: str) -> Source:
        """The same repository at another tag."""
        inside = f":{self.subfolder}" if self.subfolder else ""
        return Source("git", f"git+{self.url}#{ref}{inside}", self.url, ref, self.subfolder)


def parse_source(text: str) -> Source:
    """Reads what the person wrote. Of a path, whether it is there is looked at; nothing else.

    Raises:
        UsageError: it is none of the forms above, or not safe to hand to git.
    """
    said = text.strip()
    if not said or len(said) > MAX_CHARACTERS or not said.isprintable() or said[0] == "-":
        raise _refused(text, "It is empty, too long, or begins like an option.")
    if said.startswith("git+"):
        return _git(said)
    if said.startswith("file:"):
        return _local(said, Path(url2pathname(unquote(urlsplit(said).path))))
    if "://" in said or re.match(r"[\w.-]+@[\w.-]+:", said):
        raise _refused(said, "Experts come from Git repositories, and those are written git+….")
    path = Path(said).expanduser()
    if path.suffix == ".expert" or path.exists() or said[0] in "./~" or "\\" in said:
        return _local(said, path)
    try:
        return Source("name", said, requirement=str(parse_requirement(said)))
    except DependencyError as cause:
        raise _refused(said, cause.why) from cause


def _local(said: str, path: Path) -> Source:
    if not path.exists():
        raise UsageError(f"{path} is not there.", "", _REMEDY)
    return Source("folder" if path.is_dir() else "package", said, path=path.absolute())


def _git(said: str) -> Source:
    url, _, fragment = said.removeprefix("git+").partition("#")
    ref, _, subfolder = fragment.partition(":")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as cause:
        raise _refused(said, "It is not an address.") from cause
    if parts.scheme not in ("https", "ssh", "file"):
        raise _refused(said, f"git+{parts.scheme[:20]} is not used; https, ssh and file are.")
    if parts.query or parts.password or (parts.username and parts.scheme != "ssh"):
        raise _refused(said, "An address with a name or password in it would be kept and shown.")
    if parts.username and not _USER.fullmatch(parts.username):
        raise _refused(said, "Its user cannot be a name.")
    host = parts.hostname or ""
    if parts.scheme == "file":
        if parts.netloc:
            raise _refused(said, "A repository on this machine is git+file:///path.")
    elif not _HOST.fullmatch(host) or port == 0:
        raise _refused(said, "Its host cannot be a name.")
    if not _PATH.fullmatch(parts.path) or "/../" in f"{parts.path}/":
        raise _refused(said, "Its path holds signs that are not used there.")
    if ref and (not _REF.fullmatch(ref) or ".." in ref or ref.endswith((".lock", "/", "."))):
        raise _refused(said, f"{ref[:60]!r} cannot be a tag or a branch.")
    if subfolder and not _SUBFOLDER.fullmatch(subfolder):
        raise _refused(said, f"{subfolder[:60]!r} cannot be a folder in it.")
    return Source("git", said, url, ref, subfolder)


def _refused(text: str, why: str) -> UsageError:
    return UsageError(f"{text[:100]!a} is not a place to get an expert from.", why, _REMEDY)
