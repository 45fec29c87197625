"""The bundled base as a teacher: the real engine, held to the shape of a row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from expert_studio.cli import app
from expert_studio.commands.local_teacher import StackTeacher
from expert_studio.core.datasets.provider_book import KNOWN
from expert_studio.core.datasets.teacher_job import TeacherJob
from expert_studio.core.datasets.teacher_prompts import Wish
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.settings import Folders
from tests.teacher_jobs import run_job


def test_the_bundled_base_answers_in_the_shape_of_a_row(tmp_path: Path) -> None:
    from expert_studio.core.inference.engine import load_engine

    engine = load_engine(BaseRequest(Folders.default().bundled_base, device="cpu"), lambda _: None)
    try:
        with StackTeacher(engine) as teacher:
            provider = next(one for one in KNOWN if one.name == "local")
            job = TeacherJob(
                provider, "bundled", Wish("english"), 1, 1, tmp_path / "j.jsonl",
                batch=1, concurrency=1, row_tokens=100, spare=0.0,
            )  # fmt: skip
            report = run_job(job, tmp_path, local=teacher)
    finally:
        engine.close()
    told = [json.loads(line) for line in job.journal.read_text().splitlines()]
    reply = next(one["reply"] for one in told if one["kind"] == "reply")
    assert reply["text"].lstrip().startswith("{")
    assert 0 < reply["output_tokens"] <= 100
    if reply["ending"] == "done":
        assert set(json.loads(reply["text"])) == {"instruction", "input", "output"}
    # a base of 12 million weights may well say nothing worth keeping; every slot is told
    assert report.kept + sum(report.lost.values()) > 0
    assert report.failure is None or "no usable rows" in str(report.failure)
    assert report.spent.usd == 0


@pytest.mark.long
def test_the_command_line_asks_the_base_with_a_stack(tmp_path: Path) -> None:
    asked = "dataset generate --domain english --provider local --count 2 --dataset mine"
    told = CliRunner().invoke(app, [*asked.split(), "--experts", "json-parser=1.0", "--json"])
    answer = json.loads(told.stdout)
    if told.exit_code == 0:
        assert answer["spent_usd"] == 0
        assert answer["spent_tokens"] > 0
        assert answer["model"].endswith("+json-parser=1.0")
    else:
        assert "no usable rows" in answer["error"]["what"]
