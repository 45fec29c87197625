"""The directions and habits the source keeps, read from the source itself.

The import contracts stand in pyproject.toml; what import-linter cannot say is here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "expert_studio"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "installers").glob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAY_HOLD_TORCH = re.compile(
    r"(decoder|base_model|adapters|engine|sampling|trainer|worker|quantiz)\w*"
)
HEAVY = {"torch", "transformers", "peft", "trl", "datasets", "accelerate", "bitsandbytes"}
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "stuff"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imported_on_loading(body: list[ast.stmt]) -> Iterator[str]:
    """Top packages a module imports while it loads, but not for type checkers alone."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.level == 0:
            yield (statement.module or "").partition(".")[0]
        elif isinstance(statement, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(statement.test):
                yield from _imported_on_loading(statement.body)
            yield from _imported_on_loading(statement.orelse)
        elif isinstance(statement, ast.Try | ast.With | ast.ClassDef):
            yield from _imported_on_loading(statement.body)


def test_import_contracts_hold(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename="pyproject.toml", no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_heavy_libraries_stay_in_heavy_modules() -> None:
    holding = {
        _name(path): HEAVY & set(_imported_on_loading(ast.parse(path.read_text("utf-8")).body))
        for path in SOURCES
        if not MAY_HOLD_TORCH.fullmatch(path.stem)
    }
    assert {name: found for name, found in holding.items() if found} == {}


def test_modules_stay_small() -> None:
    lengths = {_name(path): len(path.read_text("utf-8").splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_names_say_something() -> None:
    empty = [
        _name(path)
        for path in [*SOURCES, *TESTS]
        if EMPTY_WORDS & set(_name(path.with_suffix("")).lower().replace("/", "_").split("_"))
    ]
    managers = [
        f"{_name(path)}: {node.name}"
        for path in SOURCES
        if path.name != "sdk.py"  # upstream's public name is ExpertManager
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and re.search(r"Manager|Helper|Util", node.name)
    ]
    assert empty + managers == []


def test_package_files_are_empty() -> None:
    full = [_name(path) for path in SOURCES if path.name == "__init__.py" and path.stat().st_size]
    assert full == []


def test_every_module_says_what_it_knows() -> None:
    silent = [
        _name(path)
        for path in SOURCES
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("unfinished work", r"\bTODO\b|\bFIXME\b|\bXXX\b|NotImplementedError"),
        ("a path of one machine", r"[\"'(= ]/(?:work|root|home/\w+|opt)/"),
        ("a shell's or an evaluator's door", r"shell=True|\beval\(|\bpickle\b|os\.system\("),
    ],
)
def test_source_is_free_of(what: str, pattern: str) -> None:
    found = [
        f"{_name(path)}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert found == [], what
