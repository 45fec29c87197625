"""keygen, sign, verify, trust, and what install asks: words, JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.commands import library as library_verbs
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders
from tests.expert_factory import expert_file, expert_folder

SECRET = "seven words"


@pytest.fixture(autouse=True)
def library(studio_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Library:
    monkeypatch.setattr(library_verbs, "bundled_experts_folder", lambda: tmp_path / "none")
    return Library(Folders.default().library)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_key_is_made_used_trusted_and_revoked(tmp_path: Path) -> None:
    key = tmp_path / "me.pem"
    made = json.loads(run("keygen", "-o", key, "-n", "Studio Nord", "--json").stdout)
    assert made["publisher"] == "Studio Nord"
    assert run("keygen", "-o", key, "-n", "Studio Nord").exit_code == 5
    package = expert_file(tmp_path)
    assert json.loads(run("verify", package, "--json").stdout)["state"] == "unsigned"
    signed = run("sign", package, "--key", key)
    assert signed.exit_code == 0, signed.output
    assert "signed by Studio Nord" in signed.stdout
    assert json.loads(run("verify", package, "--json").stdout)["state"] == "unknown key"
    assert run("trust", "add", f"{key}.pub").exit_code == 0
    assert made["public_key"] in run("trust", "list", "--json").stdout
    assert "trusted." in run("verify", package).stdout
    assert run("install", package).exit_code == 0
    assert json.loads(run("verify", "json-parser", "--json").stdout)["state"] == "trusted"
    assert run("trust", "revoke", "Studio Nord", "--reason", "Lost.").exit_code == 0
    refused = run("verify", package)
    assert refused.exit_code == 5
    assert "Lost." in refused.stderr
    assert run("trust", "remove", made["public_key"]).exit_code == 0
    assert run("trust", "remove", made["public_key"]).exit_code == 5


def test_a_protected_key_takes_its_passphrase_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, package = tmp_path / "me.pem", expert_file(tmp_path)
    arguments = ("keygen", "-o", key, "-n", "Studio Nord", "--passphrase")
    assert run(*arguments).exit_code == 5
    monkeypatch.setenv("EXPERT_STUDIO_PASSPHRASE", SECRET)
    assert run(*arguments).exit_code == 0
    assert run("sign", package, "-k", key).exit_code == 0
    monkeypatch.setenv("EXPERT_STUDIO_PASSPHRASE", "other")
    assert run("sign", package, "-k", key).exit_code == 5
    monkeypatch.delenv("EXPERT_STUDIO_PASSPHRASE")
    refused = run("sign", package, "-k", key)
    assert (refused.exit_code, SECRET in refused.output) == (5, False)


def test_an_unsigned_package_needs_consent_and_the_policy_is_kept(
    tmp_path: Path, library: Library
) -> None:
    package = expert_file(tmp_path)
    refused = run("install", package, "--json")
    assert refused.exit_code == 5
    assert "--allow-unsigned" in json.loads(refused.stdout)["error"]["remedy"]
    assert library.experts() == ()
    assert run("trust", "policy", "sometimes").exit_code == 2
    assert run("trust", "policy", "never").exit_code == 0
    assert run("install", package, "--allow-unsigned").exit_code == 5
    assert run("trust", "policy", "always").exit_code == 0
    assert run("install", package).exit_code == 0


def test_what_was_packed_here_is_installed_without_a_question(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "mine")
    packed = run("package", "--manifest", folder / "manifest.json", "--json")
    assert packed.exit_code == 0, packed.output
    assert run("install", json.loads(packed.stdout)["file"]).exit_code == 0


def test_a_changed_package_is_invalid_for_every_verb(tmp_path: Path, library: Library) -> None:
    key, package = tmp_path / "me.pem", expert_file(tmp_path)
    run("keygen", "-o", key, "-n", "Studio Nord")
    run("sign", package, "-k", key)
    data = bytearray(package.read_bytes())
    data[40] ^= 4
    package.write_bytes(data)
    for verb in ("verify", "install"):
        assert run(verb, package).exit_code == 5
        Path(f"{package}.sha256").unlink(missing_ok=True)
        assert run(verb, package).exit_code == 5
    assert library.experts() == ()
