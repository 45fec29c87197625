"""kill -9 at random points: no row lost, none doubled, nothing paid twice, the cap holds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from expert_studio.core.datasets.store import DatasetStore
from tests.provider_server import Conduct, ProviderServer
from tests.teacher_jobs import KEY, VARIABLE, files_with_key

ROOT = Path(__file__).resolve().parents[3]
CONCURRENCY, BATCH = 4, 3
CAP_USD = 50.0


def child(server: ProviderServer, folder: Path, rows: int) -> subprocess.Popen[str]:
    told = [str(folder), server.address(), str(rows), str(CAP_USD)]
    with (folder / "stderr.log").open("a") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.teacher_child", *told],
            cwd=ROOT,
            env={**os.environ, VARIABLE: KEY, "OPENAI_LOG": "debug"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def kill_somewhere(server: ProviderServer, life: subprocess.Popen[str], chance: Random) -> bool:
    """Kills a child after some requests and some milliseconds; False where it had ended."""
    for _ in range(chance.randint(1, 9)):
        while not server.arrived.acquire(timeout=0.05):
            if life.poll() is not None:
                return False
    time.sleep(chance.random() * 0.06)  # where in the work of a request, is for chance
    life.send_signal(signal.SIGKILL)
    return life.wait() == -signal.SIGKILL


def journal_of(folder: Path) -> list[dict[str, Any]]:
    records = []
    for line in (folder / "journal.jsonl").read_bytes().splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue  # cut by a kill
    return records


def numbers_of(texts: list[str]) -> list[int]:
    return [json.loads(text)["number"] for text in texts]


def check(server: ProviderServer, folder: Path, rows: int, kills: int) -> str:
    """Holds journal, dataset and server's own book against one another."""
    records = journal_of(folder)
    replies = [record for record in records if record["kind"] == "reply"]
    sent = [record for record in records if record["kind"] == "sent"]
    with DatasetStore(folder / "dataset") as store:
        items: list[Any] = [row.item for row in store.each()]
        slots = [store.provenance(row.hash).more["slot"] for row in store.each()]  # type: ignore[union-attr]
    numbers = numbers_of([item.answer for item in items])
    assert len(items) == rows
    assert sorted(slots) == list(range(rows))  # each slot once
    assert len(set(numbers)) == rows  # no row twice
    told = [
        number
        for record in replies
        for number in numbers_of(
            [json.loads(line)["output"] for line in record["reply"]["text"].splitlines()]
        )
    ]
    assert sorted(told) == sorted(numbers)  # every reply on disk became rows, and nothing else
    assert len({record["first"] for record in replies}) == len(replies) == rows // BATCH
    asked = Counter(one.prompt for one in server.asked)
    again = sum(asked.values()) - len(asked)
    assert len(asked) == rows // BATCH
    assert again <= kills * CONCURRENCY  # only what was in flight at a kill is asked again
    assert len(server.asked) <= len(sent)
    return f"{kills} kills, {rows} rows, {len(server.asked)} requests, {again} asked again"


def killed_often(kills: int, folder: Path, seed: int) -> str:
    server = ProviderServer(Conduct(key=KEY, pause_s=0.004))
    chance = Random(seed)
    rows = kills * 15 // BATCH * BATCH + 30
    done = 0
    try:
        while done < kills:
            life = child(server, folder, rows)
            try:
                assert kill_somewhere(server, life, chance), (folder / "stderr.log").read_text()
            finally:
                life.kill()
                life.communicate()
            done += 1
            while server.arrived.acquire(blocking=False):
                pass
        last = child(server, folder, rows)
        output, _ = last.communicate(timeout=300)
        report = json.loads(output)
        assert (report["end"], report["kept"]) == ("done", rows)
        spent = sum(
            record["cost"]["usd"] for record in journal_of(folder) if record["kind"] == "reply"
        )
        assert spent <= report["usd"] <= CAP_USD  # lost requests count in full
        told = check(server, folder, rows, done)
    finally:
        server.close()
    assert files_with_key(folder) == []
    return told


def test_killed_a_few_times(tmp_path: Path, studio_home: Path) -> None:
    print(killed_often(4, tmp_path, seed=1))
    assert files_with_key(studio_home) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_killed_a_hundred_times(seed: int, tmp_path: Path, studio_home: Path) -> None:
    """Twenty-five times each of four jobs: no one test takes more than some minutes."""
    print(killed_often(25, tmp_path, seed))
    assert files_with_key(studio_home) == []
