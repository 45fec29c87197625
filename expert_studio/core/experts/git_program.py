"""The program git, run so that a repository can neither ask, nor run anything, nor wander.

No hooks, filters, prompts, credential helpers, submodules or configuration of the system's
or the person's; only the one protocol asked for, and none for work on this disk; an
environment of a few known variables; limits of time, silence and size. Nothing is ever
checked out: `git_repository` reads objects. Knows nothing of experts.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from expert_studio.core import network
from expert_studio.core.errors import FetchError, FetchStopped
from expert_studio.core.experts.fetch_control import FetchControl

SILENCE_S = 60.0  # a fetch that says nothing and brings nothing for so long is given up
LOCAL_S = 120.0
FETCH_S = 4 * 3600.0
MAX_OUTPUT_BYTES = 16 << 20
_POLL_S = 0.1
_KEPT_VARIABLES = (
    *(
        "PATH",
        "HOME",
        "USERPROFILE",
        "SYSTEMROOT",
        "SYSTEMDRIVE",
        "WINDIR",
        "TEMP",
        "TMP",
        "TMPDIR",
    ),
    *("SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY"),
    *("no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "LD_LIBRARY_PATH"),
)
_SSH = (
    "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -oConnectTimeout=20 "
    "-oClearAllForwardings=yes -oPermitLocalCommand=no"
)
_SETTINGS = (
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.protectNTFS=true",
    "core.protectHFS=true",
    "credential.helper=",
    "fetch.fsckObjects=true",
    "transfer.fsckObjects=true",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "fetch.negotiationAlgorithm=noop",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "protocol.version=2",
)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched while git works: who may stop it, what it says, how large it may get."""

    control: FetchControl
    said: Callable[[str], None] = lambda _line: None  # each line of git's progress
    grows: Path | None = None  # the folder that must not outgrow `limit_bytes`
    limit_bytes: int = 0


class Git:
    """Git on one repository (a bare one), or on none."""

    def __init__(self, repository: Path, scheme: str = "") -> None:
        self._repository = repository
        self._program = found_git()
        self._scheme = scheme

    def local(self, *arguments: str, given: bytes = b"") -> bytes:
        """What git says to a command that stays on this disk.

        Raises:
            FetchError: it failed; the sentence is git's own last line.
        """
        return self._run(arguments, "", Watch(FetchControl()), LOCAL_S, given)

    def remote(self, watch: Watch, *arguments: str, given: bytes = b"") -> bytes:
        """What git says to a command that reaches the repository's place.

        Raises:
            FetchStopped: the person stopped it.
            FetchError: it failed, fell silent, or grew too large, or the network is switched off.
        """
        if watch.control.stopped:
            raise _stopped()
        if self._scheme != "file" and network.is_off():
            raise FetchError("The repository was not fetched.", network.why_off(), network.how_on())
        return self._run(arguments, self._scheme, watch, FETCH_S, given)

    def started(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A local command with pipes for stdin and stdout; the caller closes it."""
        return subprocess.Popen(
            self._command(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment(""),
            cwd=self._repository,
            start_new_session=os.name != "nt",  # what git starts is ended with it
        )

    def _run(
        self, arguments: Sequence[str], protocols: str, watch: Watch, limit_s: float, given: bytes
    ) -> bytes:
        with tempfile.TemporaryFile() as answer:
            child = subprocess.Popen(
                self._command(arguments),
                stdin=subprocess.PIPE if given else subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.PIPE,
                env=self._environment(protocols),
                cwd=self._repository,
                start_new_session=os.name != "nt",  # what git starts is ended with it
            )
            said: list[str] = []
            heard = [time.monotonic()]
            assert child.stderr is not None
            listener = threading.Thread(
                target=_listen, args=(child.stderr, said, heard, watch.said), daemon=True
            )
            listener.start()
            try:
                if given and child.stdin is not None:
                    with contextlib.suppress(BrokenPipeError), child.stdin:
                        child.stdin.write(given)
                _wait(child, watch, limit_s, heard)
            finally:
                _end(child)
                listener.join()
                child.stderr.close()
            if child.returncode != 0:
                raise failure(said)
            if answer.tell() > MAX_OUTPUT_BYTES:
                raise FetchError("The repository was not read.", "It lists too much.")
            answer.seek(0)
            return answer.read()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        hooks = f"core.hooksPath={self._repository / 'no-hooks'}"
        settings = [part for one in (*_SETTINGS, hooks) for part in ("-c", one)]
        return [self._program, "--no-pager", *settings, *arguments]

    def _environment(self, protocols: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return kept | {
            "GIT_DIR": str(self._repository),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_SSH_COMMAND": _SSH,
            "GIT_ALLOW_PROTOCOL": protocols or "none",
            "GIT_NO_LAZY_FETCH": "0" if protocols else "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_FLUSH": "1",
            "LC_ALL": "C",
        }


def found_git() -> str:
    """The program's path, never one in the current folder.

    Raises:
        FetchError: it is not installed.
    """
    found = shutil.which("git")
    if found is None or Path(found).resolve().parent == Path.cwd():
        raise FetchError(
            "Git is not there.",
            "Experts and marketplaces in Git repositories are fetched with the program git.",
            "Install Git, or get the expert as a .expert file.",
        )
    return str(Path(found).resolve())


def failure(said: Sequence[str]) -> FetchError:
    """Git's complaint as sentences."""
    text = "\n".join(said)
    for pattern, why, remedy in _COMPLAINTS:
        if re.search(pattern, text, re.IGNORECASE):
            return FetchError("The repository could not be fetched.", why, remedy)
    lines = [line for line in said if line.startswith(("fatal", "error", "ERROR"))] or list(said)
    last = lines[-1] if lines else "git said nothing"
    shown = "".join(c if c.isprintable() else " " for c in last)[:300]
    return FetchError("The repository could not be fetched.", f"Git says: {shown}")


_BROKEN_OFF = (
    r"failed to connect|connection (refused|reset|timed out|was non-properly)|too slow"
    r"|early eof|unexpected eof|hung up"
)
_COMPLAINTS = (
    (
        r"repository .*not found|does not appear to be a git repo|could not read username|404",
        "There is no repository at that place, or it is private.",
        "Check the address.",
    ),
    (r"could not resolve host", "Its host could not be found.", "Check the address and network."),
    (
        r"couldn't find remote ref|remote branch .* not found|no such ref",
        "It has no such tag or branch.",
        "Check what follows the #.",
    ),
    (
        r"permission denied|host key verification failed",
        "The server did not let you in, or its key is not known here.",
        "Connect to it once with ssh, then try again.",
    ),
    (
        r"no space left on device",
        "The disk is full.",
        "Free some space, then try again: what had come is kept.",
    ),
    (
        r"dubious ownership",
        "The repository's folder belongs to somebody else.",
        "Clone it yourself, or have it given to you.",
    ),
    (
        r"ssl certificate|server certificate verification",
        "Its server could not prove who it is.",
        "Do not use it before that is mended.",
    ),
    (
        _BROKEN_OFF,
        "The connection failed or broke off.",
        "Try again: what had come is kept.",
    ),
    (
        r"transport '.*' not allowed|protocol \".*\" (not supported|disabled)",
        "It leads to a protocol that is not used here.",
        "Use the repository's own address.",
    ),
)


def _listen(
    stream: IO[bytes], said: list[str], heard: list[float], tell: Callable[[str], None]
) -> None:
    """Reads git's progress: lines end with a carriage return while a count goes on."""
    pending = b""
    while chunk := os.read(stream.fileno(), 4096):
        heard[0] = time.monotonic()
        *lines, pending = re.split(rb"[\r\n]", (pending + chunk)[-65536:])
        for line in filter(None, lines):
            text = line.decode("utf-8", "replace")
            tell(text)
            if "%" not in text:
                said.append(text)
                del said[:-50]
    if pending:
        said.append(pending.decode("utf-8", "replace"))


def _wait(child: subprocess.Popen[bytes], watch: Watch, limit_s: float, heard: list[float]) -> None:
    began = time.monotonic()
    size = -1
    while True:
        try:
            child.wait(timeout=_POLL_S)
            return
        except subprocess.TimeoutExpired:
            pass
        now = time.monotonic()
        if watch.control.stopped:
            raise _stopped()
        if watch.grows is not None:
            grown = _size_of(watch.grows)
            if watch.limit_bytes and grown > watch.limit_bytes:
                raise FetchError(
                    "The repository was not fetched.",
                    f"It is larger than {watch.limit_bytes:,} bytes.",
                    "Get the expert as a .expert file.",
                )
            if grown != size:
                size, heard[0] = grown, now
        if now - began > limit_s or now - heard[0] > SILENCE_S:
            raise FetchError(
                "The repository was not fetched.",
                "Nothing came for too long.",
                "Try again: what had come is kept.",
            )


def _stopped() -> FetchStopped:
    return FetchStopped("Fetching was stopped.", "", "What had come is kept for next time.")


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends git and what it started, if it has not ended."""
    if child.poll() is not None:
        return
    if sys.platform == "win32":
        import psutil

        with contextlib.suppress(psutil.Error):
            for started in psutil.Process(child.pid).children(recursive=True):
                started.kill()
        child.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
