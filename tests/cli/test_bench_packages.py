"""bench packages: the figures' shape, and that what is measured is what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from expert_studio.cli import app
from expert_studio.core.experts import package_bench
from expert_studio.core.experts.library import Library


def test_figures_of_small_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_bench, "WEIGHTS_BYTES", 2_600_000)
    arguments = ["bench", "packages", "--sizes", "3,40", "--folder", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert 1.5e6 < told["package_bytes"] < 2.5e6
    assert told["verify_install_ms"] > 0
    assert [one["experts"] for one in told["by_size"]] == [3, 40]
    assert all(one["resolve_ms"] > 0 and one["list_ms"] > 0 for one in told["by_size"])
    assert list(tmp_path.iterdir()) == []
    assert CliRunner().invoke(app, ["bench", "packages", "--sizes", "many"]).exit_code == 2


def test_the_index_is_rebuilt_when_lost_stale_or_damaged(tmp_path: Path) -> None:
    package_bench._fill(tmp_path, 40)
    listed = Library(tmp_path).experts()
    index = tmp_path / ".index.sqlite3"
    assert index.is_file()
    assert (len(listed), {e.version for e in listed}) == (40, {"10.0.0"})
    assert Library(tmp_path).experts() == listed
    for damage in (b"", b"no database", index.read_bytes()[:5000]):
        index.write_bytes(damage)
        assert Library(tmp_path).experts() == listed
    manifest = tmp_path / "experts" / "bench-00007" / "10.0.0" / "manifest.json"
    text = manifest.read_text().replace("Number 7.", "Changed by hand.")
    manifest.unlink()
    manifest.write_text(text)
    assert Library(tmp_path).find("bench-00007").manifest.description == "Changed by hand."
    seen = {e.name: e.manifest.description for e in Library(tmp_path).experts()}
    assert (seen["bench-00007"], seen["bench-00008"]) == ("Changed by hand.", "Number 8.")
    (tmp_path / "experts" / "bench-00009").rename(tmp_path / "away")
    assert len(Library(tmp_path).experts()) == 39
