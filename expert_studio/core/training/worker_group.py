"""Several processes that train one run together: one for each card of this machine.

torch.distributed.run starts the same worker so many times; rank 0 alone logs and saves.
Knows nothing of recipes or of models.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import psutil

from expert_studio.core.training.child_process import door
from expert_studio.core.training.events import Ended, Event, EventLog


class QuietLog(EventLog):
    """What ranks other than the first write: how they failed, and nothing else."""

    def append(self, event: Event) -> None:
        if isinstance(event, Ended) and event.outcome == "failed":
            super().append(event)


def rank() -> int | None:
    """This process's number in its group; None in one that trains alone or leads a group."""
    said = os.environ.get("EXPERT_STUDIO_GROUP") and os.environ.get("RANK")
    return int(said) if said else None


def lead(run_path: Path, processes: int) -> bool:
    """Trains the run in so many processes and waits for them; whether all ended well."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as start_group

    os.environ["EXPERT_STUDIO_GROUP"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    asked = ["--standalone", f"--nproc_per_node={processes}", "--no_python"]
    try:
        start_group([*asked, *door(), "--worker", "train", str(run_path)])
    except ChildFailedError:
        return False
    finally:
        del os.environ["EXPERT_STUDIO_GROUP"]
    return True


def end_with_the_lead() -> None:
    """Has this rank end when the process that started it does: nothing else would end it."""

    def wait() -> None:
        psutil.Process(parent).wait()
        os._exit(1)

    parent = os.getppid()
    threading.Thread(target=wait, name="end with the lead", daemon=True).start()


def agreed(wanted: Callable[[], bool]) -> Callable[[], bool]:
    """`wanted` on any rank is wanted on all, at the same step: else they would wait for ever."""

    def asked() -> bool:
        import torch
        from torch import distributed

        said = wanted()
        if not distributed.is_initialized() or distributed.get_world_size() == 1:
            return said
        device = "cuda" if "nccl" in distributed.get_backend() else "cpu"
        votes = torch.tensor(int(said), device=device)
        distributed.all_reduce(votes, distributed.ReduceOp.MAX)
        return bool(votes.item())

    return asked
