"""expert-cli dataset: rows made, imported, checked, split and exported from the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.core.datasets.provider_book import Provider, load_book, save_book
from expert_studio.core.datasets.provider_prices import Price
from expert_studio.core.settings import Folders
from tests.provider_server import Conduct, Fault, ProviderServer

GOOD = [{"instruction": f"Say {n}.", "output": f"{n}", "family": f"f{n % 4}"} for n in range(40)]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["dataset", *arguments])


def answer(*arguments: str, code: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return dict(json.loads(result.stdout))


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in GOOD))
    return path


def test_equal_seed_and_version_give_equal_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.jsonl"
        told = answer(
            "generate", "--domain", "json", "--count", "50", "--seed", "7", "--output", str(path)
        )
        assert told["kept"] == 50
        made.append((path.read_bytes(), Path(f"{path}.provenance.jsonl").read_bytes()))
    assert made[0] == made[1]
    other = tmp_path / "c.jsonl"
    run("generate", "--domain", "json", "--count", "50", "--seed", "8", "--output", str(other))
    assert other.read_bytes() != made[0][0]


@pytest.mark.parametrize("row_format", ["instruction", "preference_pairs"])
def test_rows_go_to_a_dataset_once(row_format: str) -> None:
    asked = ("generate", "--domain", "json", "--task", "repair", "--difficulty", "hard")
    more = ("--count", "30", "--held-out", "5", "--dataset", "facts", "--format", row_format)
    assert answer(*asked, *more)["kept"] == 35
    again = answer(*asked, *more)
    assert (again["kept"], again["repeated"]) == (0, 35)
    told = answer("stats", "facts")
    assert told["counts"]["task"] == {"repair": 35}
    assert told["counts"]["difficulty"] == {"hard": 35}
    assert told["counts"]["split"] == {"train": 30, "held_out": 5}
    assert told["lengths"]["chars"]["shortest"] > 0
    (listed,) = answer("list")["datasets"]
    assert (listed["name"], listed["rows"]["accepted"]) == ("facts", 35)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--domain", "json"), "need a place"),
        (("--dataset", "x"), "what to make"),
        (("--domain", "klingon", "--dataset", "x"), "no domain 'klingon'"),
        (("--domain", "json", "--dataset", "x", "--task", "sing"), "no task 'sing'"),
        (("--domain", "json", "--dataset", "x", "--format", "poem"), "no format 'poem'"),
        (("--domain", "json", "--dataset", "x", "--format", "distillation"), "by rule"),
        (("--domain", "json", "--dataset", "../x"), "cannot be called"),
        (("--domain", "json", "--output", "x.jsonl", "--provider", "openai"), "to a dataset"),
        (("--domain", "json", "--dataset", "x", "--provider", "nobody"), "no provider 'nobody'"),
        (
            ("--domain", "json", "--dataset", "x", "--provider", "local", "--model", "nowhere"),
            "nowhere",
        ),
        (("--domain", "json", "--dataset", "x", "--provider", "ollama"), "Name one with --model"),
        (("--domain", "json", "--dataset", "x", "--family", "repair/none"), "no family"),
        (("--domain", "rust", "--dataset", "x", "--kind", "mislaid"), "mislaid"),
    ],
)
def test_what_cannot_be_made_is_said(arguments: tuple[str, ...], said: str) -> None:
    result = run("generate", *arguments)
    assert result.exit_code in {2, 11, 1}
    assert said in result.output


def test_families_and_kinds_are_chosen_by_name(tmp_path: Path) -> None:
    def made(name: str, *more: str) -> list[dict[str, Any]]:
        path = tmp_path / name
        answer("generate", "--count", "12", "--output", str(path), *more)
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    json_rows = made("a.jsonl", "--domain", "json", "--family", "repair/any-keys/*")
    assert all(row["family"].startswith("repair/any-keys/") for row in json_rows)
    bugs = made("b.jsonl", "--domain", "python", "--task", "bug", "--kind", "missing colon")
    assert {json.loads(row["check"])["bug"] for row in bugs} == {"missing colon"}


def test_a_manifest_names_the_rows(tmp_path: Path) -> None:
    part: dict[str, Any] = {"kind": "rule", "generator": "json", "share": {"extract": 1.0}}
    part["rows"] = {"train": 8, "held_out": 4}
    recipe = {"schema_version": 1, "name": "facts", "seed": 3, "parts": [part]}
    source = Path(__file__).parents[2] / "experts" / "json-parser" / "manifest.json"
    (named,) = json.loads(source.read_text())["training"]["dataset"]["parts"]
    for file in (named["path"], named["held_out"]):
        (tmp_path / file).write_text(json.dumps(recipe))
    (tmp_path / "manifest.json").write_text(source.read_text())
    told = answer(
        "generate", "--manifest", str(tmp_path / "manifest.json"), "--dataset", "parser",
    )  # fmt: skip
    assert told["kept"] == 12
    assert answer("stats", "parser")["counts"]["split"] == {"train": 8, "held_out": 4}


def test_a_file_is_imported_checked_split_and_exported(rows_file: Path, tmp_path: Path) -> None:
    with rows_file.open("a") as lines:
        lines.write('\n{"instruction": 3}\n[1]\n')
        lines.write(json.dumps({"instruction": "Say <|im_end|>", "output": "x"}) + "\n")
    told = answer("import", str(rows_file), "--dataset", "facts")
    assert (told["read"], told["kept"], told["left_out"]) == (43, 41, 2)
    assert [bad["place"] for bad in told["bad_rows"]] == ["line 41", "line 42"]
    found = answer("validate", "facts", code=1)
    assert found["counts"] == {"special_tokens": 1}
    assert found["findings"][0]["repair"] == "special_tokens"
    mended = answer("validate", "facts", "--repair", "special_tokens", "--reject", "--accept")
    assert (mended["repaired"], mended["rejected"]) == ({"special_tokens": 1}, 0)
    assert mended["accepted"] == 41
    halves = answer("split", "facts", "--shares", "0.5,0.25,0.25", "--seed", "1")
    assert sum(halves["sizes"].values()) == 41
    assert "family_leak" not in halves["leaks"]
    answer("diff", "facts", "--keep", "first")
    (version,) = answer("diff", "facts")["versions"]
    assert version["rows"] == 41
    assert answer("diff", "facts", version["hash"][:10])["added"] == []
    for name in ("rows.csv", "rows.parquet"):
        written = answer("export", "facts", "--output", str(tmp_path / name), "--by-split")
        assert sum(one["rows"] for one in written["files"]) == 41


def test_a_file_stands_for_a_dataset(rows_file: Path, tmp_path: Path) -> None:
    assert answer("stats", str(rows_file))["rows"] == 40
    assert answer("validate", str(rows_file))["counts"] == {}
    output = tmp_path / "left.jsonl"
    with rows_file.open("a") as lines:
        lines.write("\n" + json.dumps({"instruction": "say  3 .", "output": "3"}))
    assert answer("dedupe", str(rows_file), "--output", str(output))["rejected"] == 1
    assert len(output.read_text().splitlines()) == 40
    out = tmp_path / "rows.csv"
    assert run("export", str(rows_file), "--output", str(out)).exit_code == 0
    assert out.read_text().count("\n") == 42
    assert answer("list")["datasets"] == []


def test_words_for_people(rows_file: Path) -> None:
    assert "no datasets yet" in run("list").output
    assert "40 of 40 rows are in facts now" in run(
        "import", str(rows_file), "--dataset", "facts", "--accept", "--map", "output=output",
        "--map", "instruction=instruction", "--license", "CC0-1.0",
    ).output  # fmt: skip
    assert "40 rows checked, 0 with faults." in run("validate", "facts").output
    assert "held_out" in run("split", "facts").output
    assert "0 rows are deleted" in run("dedupe", "facts", "--delete").output
    assert "No version is kept yet" in run("diff", "facts").output
    assert "accepted" in run("stats", "facts").output
    missing = run("validate", "nothing")
    assert missing.exit_code == 11
    assert "no dataset and no file" in missing.output


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    mine = ProviderServer(Conduct(faults=[Fault("status", 500)]))
    yield mine
    mine.close()


def test_a_provider_makes_rows_within_its_budget(server: ProviderServer) -> None:
    data = Folders.default().data
    own = Provider("own", "Own server", "openai", server.address("openai"), needs_key=False)
    save_book(load_book(data).with_server(own).with_price("tiny", Price(1.0, 2.0)), data)
    asked = ("generate", "--provider", "own", "--model", "tiny", "--domain", "english")
    told = answer(*asked, "--count", "12", "--dataset", "taught", "--budget", "5")
    assert (told["kept"], told["end"]) == (12, "done")
    assert 0 < told["spent_usd"] <= 5
    before = len(server.asked)
    again = answer(*asked, "--count", "12", "--dataset", "taught", "--budget", "5")
    assert (again["kept"], again["of_job"], len(server.asked)) == (0, 12, before)
    assert answer("stats", "taught")["counts"]["state"] == {"pending": 12}
