"""Fetching by HTTPS and by ssh: git's own programs at both ends, TLS between them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from expert_studio.cli import app
from expert_studio.core.errors import FetchError
from expert_studio.core.experts import git_repository
from expert_studio.core.experts.git_repository import Wanted, fetch, versions
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.source import parse_source
from expert_studio.core.settings import Folders
from tests.git_repositories import GitFolder, expert_repository
from tests.git_server import HttpsHost, has_http_backend, ssh_program

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts"),
    pytest.mark.skipif(not has_http_backend(), reason="git came without http-backend"),
]


@pytest.fixture
def repository(tmp_path: Path) -> GitFolder:
    return expert_repository(
        tmp_path / "served" / "note-taker", "note-taker", versions=("1.0.0", "1.1.0")
    )


@pytest.fixture
def host(repository: GitFolder, tmp_path: Path) -> Iterator[HttpsHost]:
    server = HttpsHost(tmp_path, repository.folder.parent)
    yield server
    server.close()


def test_by_https_an_expert_is_installed_with_one_command(
    host: HttpsHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(host.authority))
    place = host.source("note-taker")
    arguments = ["install", f"{place}#v1.0.0", "--allow-unsigned"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    told = [line for line in done.stderr.splitlines() if line.startswith("note-taker")]
    assert told == list(dict.fromkeys(told))  # what takes no time is said once
    library = Library(Folders.default().library)
    assert library.find("note-taker").version == "1.0.0"
    tags = versions(parse_source(place), tmp_path / "cache")
    assert [t.version for t in tags] == ["1.1.0", "1.0.0"]


def test_by_https_large_files_come_one_by_one(
    host: HttpsHost, repository: GitFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(host.authority))
    monkeypatch.setattr(git_repository, "SMALL_BYTES", 2000)
    many = {f"soft_prompts/p{i}.safetensors": os.urandom(3000) for i in range(3)}
    repository.commit(many)
    source = parse_source(host.source("note-taker"))

    def posts_of_a_fetch(name: str) -> int:
        host.asked.clear()
        fetch(source, tmp_path / name, tmp_path / "cache", Wanted.EXPERT)
        for file, data in many.items():
            assert (tmp_path / name / file).read_bytes() == data
        return sum(path.endswith("git-upload-pack") for path in host.asked)

    at_once = posts_of_a_fetch("at-once")  # this server leaves nothing out
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    assert posts_of_a_fetch("in-parts") >= at_once + len(many)


def test_a_host_nobody_vouches_for_a_missing_one_and_one_that_leads_elsewhere(
    host: HttpsHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(name: str) -> FetchError:
        source = parse_source(host.source(name))
        with pytest.raises(FetchError) as told:
            fetch(source, tmp_path / "got", tmp_path / "cache", Wanted.EXPERT)
        assert not (tmp_path / "got").exists()
        return told.value

    assert "could not prove who it is" in refused("note-taker").why
    assert not host.asked
    monkeypatch.setenv("GIT_SSL_CAINFO", str(host.authority))
    assert "no repository at that place" in refused("nothing").why
    host.moved_to = "http://localhost:1"
    assert "a protocol that is not used here" in refused("note-taker").why


def test_by_ssh_with_no_questions_and_no_unknown_hosts(
    repository: GitFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ssh_program(tmp_path / "bin", monkeypatch)
    source = parse_source(f"git+ssh://git@example.invalid:2222{repository.folder}#v1.1.0")
    fetch(source, tmp_path / "got", tmp_path / "cache", Wanted.EXPERT)
    assert '"version": "1.1.0"' in (tmp_path / "got" / "manifest.json").read_text()
    for call in told.read_text().splitlines():
        assert "-oBatchMode=yes -oStrictHostKeyChecking=yes" in call
        assert f"-p 2222 git@example.invalid git-upload-pack '{repository.folder}'" in call


def test_an_ssh_that_does_not_let_in_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh_program(tmp_path / "bin", monkeypatch)
    refusing = "#!/bin/sh\necho 'git@host: Permission denied (publickey).' >&2\nexit 255\n"
    (tmp_path / "bin" / "ssh").write_text(refusing)
    source = parse_source("git+ssh://git@example.invalid/owner/expert.git")
    with pytest.raises(FetchError, match="did not let you in"):
        fetch(source, tmp_path / "got", tmp_path / "cache", Wanted.EXPERT)
