"""Fetching from real repositories on this disk: tags, branches, folders, refusals, resuming."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from expert_studio.core.errors import FetchError, FetchStopped, UsageError
from expert_studio.core.experts import git_program, git_repository
from expert_studio.core.experts.fetch_control import FetchControl, FetchProgress
from expert_studio.core.experts.git_repository import Wanted, fetch, versions
from expert_studio.core.experts.source import parse_source
from tests.git_repositories import GitFolder, expert_repository

pytestmark = pytest.mark.skipif(os.name == "nt", reason="git+file paths are spelt otherwise there")


def _fetched(repository: GitFolder, tmp_path: Path, ref: str = "", **more: object) -> Path:
    text = f"{repository.source}#{ref}" if ref else repository.source
    place = tmp_path / f"got-{len(list(tmp_path.iterdir()))}"
    fetch(parse_source(text), place, tmp_path / "cache", Wanted.EXPERT, **more)  # type: ignore[arg-type]
    return place


def _version(place: Path) -> str:
    return (place / "manifest.json").read_text().split('"version": "')[1].split('"')[0]


def test_a_tag_a_branch_and_the_default_branch(tmp_path: Path) -> None:
    repository = expert_repository(tmp_path / "repo", versions=("1.0.0", "1.1.0"))
    repository.git("branch", "old", "v1.0.0")
    assert _version(_fetched(repository, tmp_path)) == "1.1.0"
    assert _version(_fetched(repository, tmp_path, "v1.0.0")) == "1.0.0"
    assert _version(_fetched(repository, tmp_path, "old")) == "1.0.0"
    commit = repository.git("rev-parse", "v1.0.0")
    assert _version(_fetched(repository, tmp_path, commit)) == "1.0.0"
    with pytest.raises(FetchError, match="no tag or branch 'v9'"):
        _fetched(repository, tmp_path, "v9")
    tags = versions(parse_source(repository.source), tmp_path / "cache")
    assert [(t.version, t.ref) for t in tags] == [("1.1.0", "v1.1.0"), ("1.0.0", "v1.0.0")]


def test_only_what_an_expert_may_hold_is_written(tmp_path: Path) -> None:
    repository = expert_repository(tmp_path / "repo")
    repository.commit({"train.py": "print()", "data/big.bin": b"x" * 100, ".github/a.yml": "a"})
    place = _fetched(repository, tmp_path)
    names = {p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()}
    assert names == {
        *("manifest.json", "adapter_config.json", "adapter_model.safetensors", "README.md"),
        "tests/test_cases.json",
    }


def test_a_folder_of_a_repository(tmp_path: Path) -> None:
    repository = expert_repository(tmp_path / "repo" / "json", versions=())
    inside = expert_repository(tmp_path / "loose", versions=("1.0.0",)).folder
    for file in inside.rglob("*"):
        if file.is_file() and ".git/" not in file.as_posix():
            relative = file.relative_to(inside).as_posix()
            repository.commit({f"experts/json/{relative}": file.read_bytes()})
    assert _version(_fetched(repository, tmp_path, "main:experts/json")) == "1.0.0"
    with pytest.raises(FetchError, match="no folder"):
        _fetched(repository, tmp_path, "main:experts/nothing")
    with pytest.raises(FetchError, match=r"no manifest\.json"):
        _fetched(repository, tmp_path, "main")


def test_links_and_submodules_are_refused(tmp_path: Path) -> None:
    repository = expert_repository(tmp_path / "repo")
    (repository.folder / "tests" / "secret.json").symlink_to("/etc/passwd")
    repository.record("v2")
    with pytest.raises(FetchError, match=r"a link, 'tests/secret\.json'"):
        _fetched(repository, tmp_path, "v2")
    (repository.folder / "tests" / "secret.json").unlink()
    other = GitFolder(tmp_path / "other")
    other.record()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{other.record()},inner")
    repository.git("commit", "--quiet", "-m", "A submodule")
    with pytest.raises(FetchError, match="another repository, 'inner'"):
        _fetched(repository, tmp_path)


def test_nothing_of_the_repository_runs_and_no_configuration_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = expert_repository(tmp_path / "repo")
    told = tmp_path / "told"
    repository.commit({".gitattributes": "* filter=evil\n", ".lfsconfig": "[lfs]\nurl=x\n"})
    hook = f"#!/bin/sh\ntouch {told}\n"
    for name in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-merge"):
        path = repository.folder / ".git" / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(hook)
        path.chmod(0o755)
    repository.git("config", "uploadpack.packObjectsHook", f"touch {told}; true")
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[filter "evil"]\nsmudge = touch {told}\n[core]\nfsmonitor = touch {told}\n'
        f'sshCommand = touch {told}\n[url "git+nowhere://"]\ninsteadOf = file://\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(repository.folder / ".git" / "hooks"))
    place = _fetched(repository, tmp_path)
    assert _version(place) == "1.0.0"
    assert not told.exists()


def test_a_pointer_to_lfs_is_no_file(tmp_path: Path) -> None:
    repository = expert_repository(tmp_path / "repo")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    repository.commit({"adapter_model.safetensors": pointer})
    with pytest.raises(FetchError, match="Git LFS"):
        _fetched(repository, tmp_path)


def test_stopped_while_large_files_come_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = expert_repository(tmp_path / "repo")
    many = {f"soft_prompts/p{i}.safetensors": os.urandom(3000) for i in range(4)}
    repository.commit(many)
    monkeypatch.setattr(git_repository, "SMALL_BYTES", 2000)
    first, asked = FetchControl(), []
    receive = git_repository._Visit._receive

    def counted(self: object, options: list[str], refs: list[str], given: bytes = b"") -> None:
        receive(self, options, refs, given)  # type: ignore[arg-type]
        asked.append(given)
        if len(asked) == 3:
            first.stop()

    monkeypatch.setattr(git_repository._Visit, "_receive", counted)
    with pytest.raises(FetchStopped):
        _fetched(repository, tmp_path, control=first)
    before = [given for given in asked if given]
    assert before
    asked.clear()
    place = _fetched(repository, tmp_path)
    after = [given for given in asked if given]
    assert after
    assert not set(before[:2]) & set(after)  # what had come is not asked for again
    for name, data in many.items():
        assert (place / name).read_bytes() == data
    assert not list((tmp_path / "cache").glob("*.git"))


def test_progress_is_told_and_a_large_repository_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = expert_repository(tmp_path / "repo")
    told: list[FetchProgress] = []
    _fetched(repository, tmp_path, tell=told.append)
    assert {p.phase for p in told} >= {"asking", "receiving", "reading"}
    assert {p.what for p in told} == {"repo"}
    limits = git_repository.EXPERT_LIMITS
    small = type(limits)(limits.entries, 100, limits.total_bytes)
    monkeypatch.setattr(git_repository, "EXPERT_LIMITS", small)
    with pytest.raises(FetchError, match="was not taken"):
        _fetched(repository, tmp_path)


def test_without_git_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = expert_repository(tmp_path / "repo")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match="Git is not there"):
        _fetched(repository, tmp_path)


def test_offline_nothing_is_dialled_but_a_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = expert_repository(tmp_path / "repo", versions=("1.0.0",))
    monkeypatch.setenv("EXPERT_STUDIO_OFFLINE", "1")
    assert _version(_fetched(repository, tmp_path)) == "1.0.0"
    far = parse_source("git+https://example.invalid/owner/expert.git")
    with pytest.raises(FetchError, match="switched off"):
        fetch(far, tmp_path / "far", tmp_path / "cache", Wanted.EXPERT)
    assert not (tmp_path / "far").exists()


def test_what_is_no_repository(tmp_path: Path) -> None:
    source = parse_source(f"git+file://{tmp_path / 'nothing'}")
    with pytest.raises(FetchError, match="no repository at that place"):
        fetch(source, tmp_path / "got", tmp_path / "cache", Wanted.EXPERT)


def test_git_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git_program, "SILENCE_S", 0.3)
    with pytest.raises(FetchError, match="Nothing came for too long"):
        fetch(
            parse_source(f"git+file://{tmp_path}"), tmp_path / "got", tmp_path / "c", Wanted.INDEX
        )


@pytest.mark.parametrize(
    "text",
    [
        "git+http://host/x.git",
        "git+ext::sh -c touch% x",
        "git+https://-oProxyCommand=x/y",
        "git+ssh://-oProxyCommand=x/y",
        "git+ssh://git@-host/y",
        "git+https://user:secret@host/x.git",
        "git+https://host/x.git#--upload-pack=x",
        "git+https://host/x.git#a..b",
        "git+https://host/x.git#v1:../../etc",
        "git+file://host/share",
        "git+file:///a/../../etc",
        "git+https://host/x?y=z",
        "--upload-pack=x",
        "https://host/owner/x.git",
        "git@host:owner/x.git",
        "git+https://ho\nst/x",
        "",
        "x" * 3000,
        "name@>=1.0,<1.0",
    ],
)
def test_places_that_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_source(text)


def test_places_as_written(tmp_path: Path) -> None:
    source = parse_source("git+ssh://git@host:22/owner/x.git#v1.0.0:sub/folder")
    assert (source.url, source.ref, source.subfolder, source.scheme) == (
        *("ssh://git@host:22/owner/x.git", "v1.0.0", "sub/folder"),
        "ssh",
    )
    assert source.at("v2.0.0").text == "git+ssh://git@host:22/owner/x.git#v2.0.0:sub/folder"
    assert parse_source("json-parser@>=1.0,<2").requirement == "json-parser@>=1.0.0,<2.0.0"
    file = tmp_path / "a b.expert"
    file.touch()
    assert parse_source(file.as_uri()).path == file
    assert (parse_source(str(file)).kind, parse_source(str(tmp_path)).kind) == ("package", "folder")
