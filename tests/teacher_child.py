"""A job of making rows in a process of its own, to be killed: FOLDER ADDRESS ROWS CAP_USD."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from expert_studio.core.datasets.provider_book import Provider
from expert_studio.core.datasets.provider_prices import Price
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.teacher import generate
from expert_studio.core.datasets.teacher_budget import Cap
from expert_studio.core.datasets.teacher_job import TeacherJob
from expert_studio.core.datasets.teacher_prompts import Wish
from expert_studio.core.datasets.teacher_sink import StoreSink


def main(folder: Path, address: str, rows: int, cap_usd: float) -> None:
    job = TeacherJob(
        provider=Provider("tester", "Tester", "openai", address, "TESTER_API_KEY"),
        model="teacher-1",
        wish=Wish("json"),
        count=rows,
        seed=3,
        journal=folder / "journal.jsonl",
        cap=Cap(usd=cap_usd),
        price=Price(1.0, 2.0),
        batch=3,
        concurrency=4,
        row_tokens=100,
    )
    with DatasetStore(folder / "dataset") as store:
        report = asyncio.run(generate(job, StoreSink(store)))
    print(json.dumps({"end": report.end, "kept": report.kept, "usd": report.spent.usd}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
