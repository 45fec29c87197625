"""Git hosts on this machine for tests: one by HTTPS with a certificate of its own, one by ssh.

server = HttpsHost(tmp_path, repositories)      # git's own http-backend behind TLS
server.source("json-parser")                    # git+https://localhost:PORT/json-parser/.git
server.authority                                # the file that GIT_SSL_CAINFO may name
asked = ssh_program(tmp_path / "bin", monkeypatch)   # in place of ssh: runs what it is asked to
"""

from __future__ import annotations

import datetime as dt
import os
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.git_repositories import ENVIRONMENT


def has_http_backend() -> bool:
    """Whether git was installed with the program that serves a repository by HTTP."""
    said = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=False)
    return (Path(said.stdout.strip()) / "git-http-backend").is_file()


class HttpsHost:
    """Serves the repositories under one folder by git's smart protocol, until closed."""

    def __init__(self, folder: Path, repositories: Path) -> None:
        self.asked: list[str] = []  # paths, in the order they were asked for
        self.moved_to = ""  # where every request is sent instead
        self.authority = folder / "authority.pem"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder / "server.pem", self.authority))
        handler = type("Handler", (_Handler,), {"host": self, "repositories": repositories})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def source(self, name: str) -> str:
        return f"git+https://localhost:{self.port}/{name}/.git"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for every answer

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of a client that does not trust the certificate, as it should not."""
        if not isinstance(sys.exception(), ssl.SSLError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    """Hands a request to git's http-backend, as a web server does to a CGI program."""

    host: HttpsHost
    repositories: Path
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.host.asked.append(parts.path)
        if self.host.moved_to:
            self.send_response(302)
            self.send_header("Location", self.host.moved_to + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = {
            "GIT_PROJECT_ROOT": str(self.repositories),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"],
            env=os.environ | ENVIRONMENT | given,
            input=body,
            capture_output=True,
            check=False,
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode("ascii").splitlines()]
        status = next((int(v.split()[0]) for k, v in lines if k == "Status"), 200)
        self.send_response(status)
        for name, value in lines:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815  # the name that http.server asks for

    def log_message(self, *said: object) -> None:
        """Says nothing: the test asks `asked`."""


def ssh_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `ssh` that runs here what it should run there; returns the file of its calls."""
    folder.mkdir()
    told = folder / "told"
    program = folder / "ssh"
    program.write_text(
        "#!/bin/sh\n"
        f'printf "%s\\n" "$*" >> "{told}"\n'
        'for last in "$@"; do :; done\n'
        'exec sh -c "$last"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return told


def _certificate(place: Path, authority: Path) -> Path:
    """Writes a certificate for localhost with its key, and that of who signed it."""
    now = dt.datetime.now(dt.UTC)
    maker_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    maker = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
    here = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])

    def made(
        name: x509.Name, public: ec.EllipticCurvePublicKey, *, signs: bool
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(maker)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=signs, path_length=None), critical=True)
        )

    pem = serialization.Encoding.PEM
    root = made(maker, maker_key.public_key(), signs=True).sign(maker_key, hashes.SHA256())
    authority.write_bytes(root.public_bytes(pem))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    leaf = (
        made(here, key.public_key(), signs=False)
        .add_extension(names, critical=False)
        .sign(maker_key, hashes.SHA256())
    )
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    place.write_bytes(secret + leaf.public_bytes(pem))
    return place
