"""Jobs for a `ProviderServer`: small, impatient, with a key that must turn up nowhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from expert_studio.core.datasets.provider_book import Dialect, Provider
from expert_studio.core.datasets.provider_keys import KeyStore
from expert_studio.core.datasets.provider_prices import Price
from expert_studio.core.datasets.provider_transport import Limits
from expert_studio.core.datasets.teacher import generate
from expert_studio.core.datasets.teacher_job import Insistence, TeacherJob, TeacherReport
from expert_studio.core.datasets.teacher_prompts import Wish
from expert_studio.core.datasets.teacher_sink import FileSink
from tests.provider_server import ProviderServer

KEY = "sk-teacher-4f9a/77+dontshow0123456789"
VARIABLE = "TESTER_API_KEY"
IMPATIENT = Insistence(attempts=4, base_s=0.01, most_s=0.02, most_retry_after_s=0.05, bad_replies=4)
BRIEF = Limits(bytes=1 << 20, connect_s=5.0, read_s=5.0, total_s=20.0)


def job_for(
    server: ProviderServer, folder: Path, dialect: Dialect = "openai", **changes: Any
) -> TeacherJob:
    provider = Provider("tester", "Tester", dialect, server.address(dialect), VARIABLE)
    stated: dict[str, Any] = {
        "provider": provider,
        "model": "teacher-1",
        "wish": Wish("json"),
        "count": 12,
        "seed": 7,
        "journal": folder / "journal.jsonl",
        "price": Price(1.0, 2.0),
        "batch": 3,
        "insistence": IMPATIENT,
        "limits": BRIEF,
        "row_tokens": 200,
    }
    return TeacherJob(**(stated | changes))


def run_job(job: TeacherJob, folder: Path, **options: Any) -> TeacherReport:
    keys = options.pop("keys", KeyStore({VARIABLE: KEY}))
    sink = options.pop("sink", None) or FileSink(folder / "rows.jsonl")
    return asyncio.run(generate(job, sink, keys=keys, **options))


def rows_in(folder: Path) -> list[dict[str, Any]]:
    path = folder / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def numbers_in(folder: Path) -> list[int]:
    """The numbers the server gave the rows that were kept."""
    return [
        json.loads(kept["row"]["messages"][-1]["content"])["number"] for kept in rows_in(folder)
    ]


def files_with_key(*folders: Path) -> list[Path]:
    """Files that hold the key in any spelling."""
    spellings = {KEY, KEY.replace("/", "\\/"), KEY.replace("/", "%2F").replace("+", "%2B")}
    spelled = [one.encode() for one in spellings]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path for path in files if any(one in path.read_bytes() for one in spelled)]
