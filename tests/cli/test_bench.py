"""`expert-cli bench compose` measures real engines in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.commands import benchmarks_run
from expert_studio.commands.benchmarks_process import EngineProcess, knows
from expert_studio.core.errors import InferenceError

ROOT = Path(__file__).resolve().parents[2]
ROW = [
    *("engine", "experts", "quant", "adapter_dtype", "base_bytes", "adapter_bytes"),
    *("load_cold_ms", "load_hot_ms", "swap_ms", "ttft_ms", "decode_tok_s", "peak_mb"),
]
QUICK = ("--threads", "1", "--tokens", "8", "--prompt", "16", "--rounds", "1", "--rank", "4")
# a Python with llama-cpp-python and gguf, where this one has none: they are compiled
LLAMACPP_PYTHON = os.environ.get("EXPERT_STUDIO_LLAMACPP_PYTHON", sys.executable)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def compose(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bench", "compose", *QUICK, *arguments])


def answered(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_ours_and_peft_are_measured_side_by_side(scratch: Path) -> None:
    result = compose("--experts", "0,2", "--peers", "peft", "--json")
    found = answered(result)
    rows = found["results"]
    assert [list(row) for row in rows] == [ROW] * 4
    measured = [(row["engine"], row["experts"], row["quant"]) for row in rows]
    assert measured == [
        *(("studio", 0, "int4"), ("studio", 2, "int4")),
        *(("peft", 0, "bf16"), ("peft", 2, "bf16")),
    ]
    for row in rows:
        timed = {name: row[name] for name in ROW[6:]}
        loads = {"load_cold_ms", "load_hot_ms", "swap_ms"}
        absent = set() if row["experts"] else loads
        assert {name for name, value in timed.items() if value is None} == absent
        assert all(value > 0 for value in timed.values() if value is not None)
    assert rows[3]["adapter_dtype"] == "bf16"
    assert rows[3]["adapter_bytes"] > 0
    assert found["machine"]["cores"] > 0
    assert found["run"]["weights"] == "real"
    assert abs(found["run"]["prompt_tokens"] - 16) <= 1
    assert found["run"]["left_out"] == {}
    ratios = {ratio["name"]: ratio for ratio in found["ratios"]}
    assert ratios["memory_saved"]["figure"] > 0
    assert ratios["ten_vs_peft"]["figure"] is None
    assert "while it runs" in result.stderr
    assert list(scratch.iterdir()) == []


def test_llamacpp_is_measured_where_it_is_installed(scratch: Path) -> None:
    if not knows(LLAMACPP_PYTHON, "llama_cpp", "gguf", "numpy"):
        pytest.skip("no llama-cpp-python; EXPERT_STUDIO_LLAMACPP_PYTHON may name a Python with it")
    found = answered(
        compose(
            *("--experts", "0,2", "--peers", "llamacpp", "--json"),
            *("--llamacpp-python", LLAMACPP_PYTHON),
        )
    )
    assert found["run"]["left_out"] == {}
    rows = [row for row in found["results"] if row["engine"] == "llamacpp"]
    assert [(row["experts"], row["quant"], row["adapter_dtype"]) for row in rows] == [
        (0, "q4_0", None),
        (2, "q4_0", "f16"),
    ]
    assert all(row["decode_tok_s"] > 0 for row in rows)
    assert list(scratch.iterdir()) == []


def test_a_person_reads_a_table(scratch: Path) -> None:
    result = compose("--experts", "1")
    assert result.exit_code == 0, result.stderr
    assert "bundled shape, real weights" in result.stdout
    assert "studio    1 int4+" in result.stdout
    assert "Ten experts: speed over PEFT's: not measured" in result.stdout
    assert max(map(len, result.stdout.splitlines()[2:4])) <= 90


def test_a_peer_that_is_absent_is_named_with_its_remedy() -> None:
    if knows(sys.executable, "llama_cpp"):
        pytest.skip("this Python has llama-cpp-python")
    result = compose("--peers", "llamacpp", "--llamacpp-python", sys.executable)
    assert result.exit_code == 2
    assert "llama-cpp-python" in result.stderr
    assert "--llamacpp-python" in result.stderr


@pytest.mark.parametrize(
    "wrong",
    [("--experts", "11"), ("--peers", "vllm"), ("--shape", "gpt"), ("--quant", "int3")],
)
def test_a_wrong_option_is_a_sentence(wrong: tuple[str, str]) -> None:
    result = compose(*wrong)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_a_full_disk_is_told_before_anything_is_written(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 1_000_000

    monkeypatch.setattr(benchmarks_run.shutil, "disk_usage", lambda _place: Full)
    result = compose("--shape", "qwen3-0.6b", "--experts", "0,10")
    assert result.exit_code == 1
    assert "There is no room for the benchmark's files." in result.stderr
    assert "They take 1.25 GB" in result.stderr
    assert list(scratch.iterdir()) == []


def test_an_engine_that_fails_is_told_with_its_last_words(scratch: Path) -> None:
    module = "expert_studio.commands.benchmarks_studio"
    process = EngineProcess("studio", sys.executable, module, scratch, 1)
    with process, pytest.raises(InferenceError, match=r"studio could not load .*no-such-folder"):
        process.ask(
            "load",
            {
                "base": str(scratch / "no-such-folder"),
                "experts": [],
                "quantization": "bf16",
                "device": "cpu",
                "threads": 1,
                "prompt_tokens": 16,
            },
        )


@pytest.mark.skipif(sys.platform == "win32", reason="sends the signal that Ctrl-C sends on POSIX")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "expert_studio.cli", "bench", "compose"),
            *("--experts", "1", "--threads", "1", "--rounds", "100"),
        ],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Round"):
                break
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == ""
    assert told.rstrip().endswith("Stopped.")
    assert list(tmp_path.iterdir()) == []
