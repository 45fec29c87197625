"""expert-cli provider, with a real server and a keyring in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from tests.provider_server import Conduct, Fault, ProviderServer
from tests.teacher_jobs import KEY, files_with_key


class Drawer(KeyringBackend):
    """A keyring in memory: the system's edge."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop(username, None) is None:
            raise PasswordDeleteError("not there")


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    before, mine = keyring.get_keyring(), Drawer()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    mine = ProviderServer(Conduct(key=KEY))
    yield mine
    mine.close()


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(app, ["provider", *arguments], **options)


def listed() -> dict[str, Any]:
    found = json.loads(run("list", "--json").stdout)["providers"]
    return {one["name"]: one for one in found}


def test_a_server_is_added_tested_priced_and_removed(
    server: ProviderServer, drawer: Drawer, studio_home: Path
) -> None:
    added = run("add", "mine", "--address", server.address(), "--json", input=f"{KEY}\n")
    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout)["key"] == "keyring"
    assert drawer.kept == {"provider:mine": KEY}
    tried = run("test", "mine", "--model", "teacher-1", "--json")
    assert tried.exit_code == 0, tried.output
    assert json.loads(tried.stdout)["ending"] == "done"
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert run("price", "mine/teacher-1", "--input", "1", "--output", "2").exit_code == 0
    assert listed()["mine"]["key"] == "keyring"
    assert "mine" in run("list").stdout
    assert files_with_key(studio_home) == []
    removed = json.loads(run("remove", "mine", "--json").stdout)
    assert removed == {"provider": "mine", "key_removed": True, "server_removed": True}
    assert "mine" not in listed()
    assert drawer.kept == {}


def test_without_a_keyring_nothing_is_kept_and_it_says_so(studio_home: Path) -> None:
    told = run("add", "deepseek", input=KEY)
    assert told.exit_code != 0
    assert "no keyring that works" in told.stderr
    assert "DEEPSEEK_API_KEY" in told.stderr
    assert KEY not in told.output
    assert files_with_key(studio_home) == []


def test_the_environment_is_named_where_a_key_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "two\nlines-0123")
    found = listed()
    assert found["openai"]["key"] == "environment"
    assert found["anthropic"]["key"] is None
    assert "more than one line" in found["anthropic"]["problem"]
    assert found["ollama"]["needs_key"] is False
    assert all(one["date"] for one in found["deepseek"]["models"])
    assert KEY not in run("list").output


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (["add", "x", "--address", "http://169.254.169.254/v1"], KEY, "cannot be used"),
        (["add", "x", "--address", "http://me:word@example.com"], KEY, "name and password"),
        (["add", "X!", "--address", "https://example.com"], KEY, "cannot be the name"),
        (["add", "x", "--address", "https://example.com", "--dialect", "klingon"], KEY, "dialect"),
        (["add", "deepseek"], "two\nlines-0123", "more than one line"),
        (["add", "nobody"], KEY, "no provider"),
        (["remove", "nobody"], "", "no provider"),
        (["test", "local"], "", "no provider elsewhere"),
        (["test", "ollama"], "", "No model"),
        (["price", "m", "--input", "-1", "--output", "2"], "", "below 0"),
        (["price", "m", "--input", "nan", "--output", "2"], "", "not a number"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    arguments: list[str], typed: str, said: str, drawer: Drawer, studio_home: Path
) -> None:
    told = run(*arguments, input=typed)
    assert told.exit_code not in (0, 70)
    assert said in told.stderr
    assert KEY not in told.output
    assert drawer.kept == {}
    assert list(studio_home.rglob("providers.json*")) == []


def test_an_echoed_key_is_not_repeated(server: ProviderServer, drawer: Drawer) -> None:
    run("add", "mine", "--address", server.address(), input=KEY)
    server.conduct.always = Fault("echo", 401)
    told = run("test", "mine", "--model", "m")
    assert told.exit_code != 0
    assert "refused the key" in told.stderr
    assert KEY not in told.output
    assert "[key]" in told.stderr


def test_a_damaged_book_is_told(studio_home: Path) -> None:
    (studio_home / "providers.json").write_text('{"providers": [{"name": ')
    told = run("list")
    assert told.exit_code == 1
    assert "providers.json" in told.stderr
