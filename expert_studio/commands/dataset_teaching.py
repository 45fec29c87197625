"""Rows made by a provider, as work beside the window: estimate, run, resume.

The key comes through the order or from the keyring, and goes nowhere else. The local base is
loaded into the process this runs in, which is not the window's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from expert_studio.commands.dataset_worker import Desk
from expert_studio.commands.local_teacher import (
    LocalModelOrder,
    local_job,
    local_teacher,
    memory_need,
)
from expert_studio.core.datasets.provider_address import parse_address
from expert_studio.core.datasets.provider_book import load_book, save_book
from expert_studio.core.datasets.provider_keys import KeyStore, checked_key
from expert_studio.core.datasets.provider_prices import Price
from expert_studio.core.datasets.provider_reply import LocalModel
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.teacher import generate
from expert_studio.core.datasets.teacher_budget import Cap
from expert_studio.core.datasets.teacher_job import (
    TeacherControl,
    TeacherJob,
    TeacherProgress,
    TeacherReport,
    estimate,
)
from expert_studio.core.datasets.teacher_prompts import Wish
from expert_studio.core.datasets.teacher_sink import StoreSink
from expert_studio.core.settings import Folders

_LOOKED_EVERY_S = 0.1


def _keys(provider: str, key: str) -> KeyStore:
    """The key that came with the order, before any other."""
    keys = KeyStore()
    if key:
        keys.hold(provider, checked_key(key))
    return keys


def estimate_teaching(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """What a job would take, and the first question it would ask; nothing is sent."""
    job = _job(order, Path(order.get("folder") or "."))
    asked = job.request(0, min(job.batch, job.count))
    memory = {}
    weights = 0
    if job.provider.dialect == "local":
        need = memory_need(_ordered(order))
        weights = need.weight_bytes
        memory = {"memory_bytes": need.bytes, "free_bytes": need.free_bytes, "fits": need.fits}
    guessed = estimate(job, weights)
    return {
        **memory,
        "requests": guessed.requests,
        "tokens": guessed.input_tokens + guessed.output_tokens,
        "usd": guessed.usd,
        "seconds": guessed.seconds,
        "prompt": f"{asked.system}\n\n{asked.prompt}",
    }


def teach(order: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """Has the provider make rows; the same order goes on where it was stopped."""
    folder = Path(order["folder"])
    job = _job(order, folder)
    _keep_price(order)
    with DatasetStore(folder) as store, _local_model(job, order, desk) as local:
        report = asyncio.run(_run(job, StoreSink(store), desk, str(order.get("key", "")), local))
    if report.failure is not None:
        raise report.failure
    return {
        "pending": report.kept,
        "refused": sum(report.lost.values()),
        "problems": [f"{reason} ({count})" for reason, count in list(report.lost.items())[:3]],
        "spent_usd": report.spent.usd if job.price else None,
        "spent_tokens": report.spent.tokens,
        "seconds": report.seconds,
        "end": report.end,
        "stopped": report.end in {"stopped", "spent"},
    }


@contextmanager
def _local_model(
    job: TeacherJob, order: Mapping[str, Any], desk: Desk
) -> Iterator[LocalModel | None]:
    """The base with the experts of the order, loaded; None where another provider is asked."""
    if job.provider.dialect != "local":
        yield None
        return

    def told(_fraction: float) -> None:
        desk.progress(0, job.count, step="base", memory_bytes=_held_bytes())

    told(0.0)
    with local_teacher(_ordered(order), told) as model:
        yield model


def _held_bytes() -> int:
    """What this process holds, the base in it."""
    return int(psutil.Process().memory_info().rss)


async def _run(
    job: TeacherJob, sink: StoreSink, desk: Desk, key: str, local: LocalModel | None
) -> TeacherReport:
    control = TeacherControl()

    def told(progress: TeacherProgress) -> None:
        facts: dict[str, Any] = {"pending": progress.kept, "refused": progress.lost}
        facts["spent_usd"] = progress.spent.usd
        if job.cap.usd is not None:
            facts["cap_usd"] = job.cap.usd
        if local is not None:
            facts["memory_bytes"] = _held_bytes()
        if progress.waiting_s > 0:
            facts["problem"] = f"The provider asked for a pause of {progress.waiting_s:.0f} s."
        desk.progress(progress.kept, progress.wanted, **facts)

    steering = asyncio.create_task(_steer(control, desk))
    try:
        keys = _keys(job.provider.name, key)
        return await generate(job, sink, control, told, keys=keys, local=local)
    finally:
        steering.cancel()
        with suppress(asyncio.CancelledError):
            await steering


async def _steer(control: TeacherControl, desk: Desk) -> None:
    """Brings pause and stop from the window to the job's own thread."""
    paused = False
    while not desk.stop.is_set():
        if desk.paused != paused:
            paused = desk.paused
            (control.pause if paused else control.resume)()
        await asyncio.sleep(_LOOKED_EVERY_S)
    control.stop()


def _job(order: Mapping[str, Any], folder: Path) -> TeacherJob:
    book = load_book(Path(order["data_folder"]))
    provider = book.provider(order["provider"])
    if provider.dialect == "local":
        wish = Wish(order["domain"], order["format"], more=order.get("more", ""))
        count, seed = int(order["count"]), int(order["seed"])
        return local_job(_ordered(order), provider, wish, count, seed, folder)
    if order.get("address") and order["address"] != provider.address:
        parse_address(order["address"])
        provider = replace(provider, address=order["address"])
    cap, stated = order.get("cap_usd"), order.get("price_usd")
    job = TeacherJob(
        provider=provider,
        model=order["model"],
        wish=Wish(order["domain"], order["format"], more=order.get("more", "")),
        count=int(order["count"]),
        seed=int(order["seed"]),
        journal=folder / "teacher.journal",
        cap=Cap(usd=float(cap) if cap else None),
        price=Price(*stated) if stated else book.price(provider, order["model"]),
        batch=int(order["batch"]),
        concurrency=int(order["concurrency"]),
    )
    return replace(job, journal=folder / f"teacher-{job.fingerprint}.journal")


def _keep_price(order: Mapping[str, Any]) -> None:
    """What the person says a model costs goes for the next time too."""
    if stated := order.get("price_usd"):
        data = Path(order["data_folder"])
        model = f"{order['provider']}/{order['model']}"
        save_book(load_book(data).with_price(model, Price(*stated)), data)


def _ordered(order: Mapping[str, Any]) -> LocalModelOrder:
    folders = Folders(Path(order["data_folder"]))
    return LocalModelOrder(folders, str(order["model"]), str(order.get("experts", "")))
