"""Keys: kept in the keyring if there is one, refused if they are none, told to nobody."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from expert_studio.core.datasets.provider_book import Dialect
from expert_studio.core.datasets.provider_keys import KeyStore, Redactor, Secret, checked_key
from expert_studio.core.errors import SettingsError
from tests.provider_server import Conduct, Fault, ProviderServer
from tests.teacher_jobs import KEY, VARIABLE, files_with_key, job_for, rows_in, run_job


class Drawer(KeyringBackend):
    """A keyring in memory: the system's edge."""

    priority = 1  # type: ignore[assignment]

    def __init__(self, forgets: bool = False) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.forgets = forgets

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if not self.forgets:
            self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise PasswordDeleteError("not there")
        del self.kept[service, username]


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    before = keyring.get_keyring()
    mine = Drawer()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def test_a_key_is_kept_in_the_keyring_and_found_again(drawer: Drawer) -> None:
    keeping = KeyStore({}).keep("deepseek", checked_key(f"  {KEY}\n"))
    assert keeping.place == "keyring"
    assert list(drawer.kept) == [("expert-studio", "provider:deepseek")]
    found = KeyStore({}).find("deepseek")
    assert found is not None
    assert (found.secret.reveal(), found.place) == (KEY, "keyring")
    assert KeyStore({}).forget("deepseek")
    assert not KeyStore({}).forget("deepseek")
    assert drawer.kept == {}


def test_without_a_keyring_a_key_lives_as_long_as_the_app_and_says_so(studio_home: Path) -> None:
    keys = KeyStore({})
    assert not keys.keyring_works()
    keeping = keys.keep("deepseek", checked_key(KEY))
    assert keeping.place == "session"
    assert "until the app is closed" in keeping.sentence
    found = keys.find("deepseek")
    assert found is not None
    assert found.secret.reveal() == KEY
    assert KeyStore({}).find("deepseek") is None
    assert keys.forget("deepseek")
    assert keys.find("deepseek") is None
    assert files_with_key(studio_home) == []


def test_a_keyring_that_forgets_is_found_out(drawer: Drawer) -> None:
    drawer.forgets = True
    assert KeyStore({}).keep("deepseek", checked_key(KEY)).place == "session"


def test_the_environment_is_read(drawer: Drawer) -> None:
    keys = KeyStore({"DEEPSEEK_API_KEY": f"{KEY}\n"})
    found = keys.find("deepseek", "DEEPSEEK_API_KEY")
    assert found is not None
    assert (found.secret.reveal(), found.place) == (KEY, "environment")
    assert keys.find("openai", "OPENAI_API_KEY") is None


@pytest.mark.parametrize(
    "text",
    [f"{KEY}\n{KEY}", f"{KEY}\r\nX-Other: 1", "short", "", "k" * 600, "sk-with space-0123",
     "sk-ünïcode-0123", 'sk-"quote"-0123', "sk-null\x00-0123"],
)  # fmt: skip
def test_what_cannot_be_a_key_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        checked_key(text)
    assert KEY not in str(refused.value)
    server = ProviderServer()
    try:
        if text.strip():
            report = run_job(job_for(server, tmp_path), tmp_path, keys=KeyStore({VARIABLE: text}))
            assert report.end == "failed"
            assert KEY not in str(report.failure)
        assert server.asked == []
    finally:
        server.close()


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(KEY)
    assert KEY not in f"{secret!r} {secret} {secret!s} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_redactor_takes_keys_out_and_nothing_else() -> None:
    redactor = Redactor([Secret(KEY)])
    escaped = KEY.replace("/", "\\/")
    assert redactor.exact(f"a {KEY} b {escaped}") == "a [key] b [key]"
    assert redactor.exact("sk-other-key-0123456789abc stays in a row") == (
        "sk-other-key-0123456789abc stays in a row"
    )
    told = redactor.sentence(
        "Bad key sk-other-key-0123456789abc\n\x1b[31m Authorization: Bearer abc"
    )
    assert "sk-other" not in told
    assert "abc" not in told
    assert told.isprintable()
    assert len(redactor.sentence("x " * 1000)) <= 200


def _deep(error: BaseException | None) -> str:
    """Everything an error and whatever it came from say, with their attributes."""
    said = []
    while error is not None:
        said += [repr(error), str(vars(error)), "".join(traceback.format_exception(error))]
        error = error.__cause__ or error.__context__
    return " ".join(said)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("value", [401, 400, 500, 429, "reply"])
def test_an_echoed_key_turns_up_nowhere(
    dialect: Dialect,
    value: int | str,
    tmp_path: Path,
    studio_home: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a body, in headers, in the rows themselves; with the clients' logs turned up."""
    monkeypatch.setenv("OPENAI_LOG", "debug")
    monkeypatch.setenv("ANTHROPIC_LOG", "debug")
    caplog.set_level(logging.DEBUG)
    server = ProviderServer(Conduct(always=Fault("echo", value), key=KEY))
    try:
        progress: list[object] = []
        report = run_job(job_for(server, tmp_path, dialect), tmp_path, on_progress=progress.append)
    finally:
        server.close()
    assert server.asked
    if value == "reply":
        assert report.end == "done"
        assert all("[key]" in kept["row"]["messages"][-1]["content"] for kept in rows_in(tmp_path))
    else:
        assert report.end == "failed"
        assert str(value) in str(report.failure) or "no usable rows" in str(report.failure)
    assert files_with_key(tmp_path, studio_home) == []
    assert KEY not in caplog.text
    assert KEY not in _deep(report.failure)
    assert KEY not in repr(report)
    assert KEY not in repr(progress)


def test_a_key_does_not_go_over_plain_http_to_others(tmp_path: Path) -> None:
    server = ProviderServer()
    try:
        provider = job_for(server, tmp_path).provider
        far = type(provider)("tester", "Tester", "openai", "http://api.example.com/v1", VARIABLE)
        report = run_job(job_for(server, tmp_path, provider=far), tmp_path)
        assert report.failure is not None
        assert "plain http" in report.failure.why
    finally:
        server.close()


def test_a_missing_key_is_asked_for(tmp_path: Path) -> None:
    server = ProviderServer()
    try:
        report = run_job(job_for(server, tmp_path), tmp_path, keys=KeyStore({}))
        assert report.end == "failed"
        assert "no key" in str(report.failure)
        assert server.asked == []
    finally:
        server.close()
