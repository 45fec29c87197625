"""The training process: one run folder in, events and an adapter out.

Started detached by `launch`, as `python -m expert_studio --worker train RUN`. Knows
nothing of the window; whoever started it may be gone. Everything heavy is imported only
once the run is locked, so that a watcher sees it alive at once.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from filelock import Timeout

from expert_studio.core.errors import ExpertError, TrainingError
from expert_studio.core.training import worker_group
from expert_studio.core.training.events import Ended, EventLog, Launched
from expert_studio.core.training.measured_memory import note_peak, process_peak_bytes
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.smaller import smaller

DEFECT_EXIT_CODE = 70
LOCK_WAIT_S = 10.0
LAUNCH_WAIT_S = 5.0


def main(run_folder: Path) -> int:
    """Trains the run to its end, its stop or its failure; returns (or ends with) the exit code.

    0 finished or stopped with a checkpoint, 10 a foreseen failure, 70 a defect. How it
    ended stands in the run's events before this returns.
    """
    run = RunFolder.open(run_folder)
    rank = worker_group.rank()
    if rank is not None:
        worker_group.end_with_the_lead()
        _end_now(_train(run, rank))
    lock = run.worker_lock()
    try:
        lock.acquire(timeout=LOCK_WAIT_S)
    except Timeout:
        print(f"{run.identifier} is already being trained by another process.", file=sys.stderr)
        return TrainingError.exit_code
    try:
        code = _lead(run) if run.recipe.processes > 1 else _train(run)
        _leave_at_once(run, code)
    finally:
        lock.release()
    return code


def _leave_at_once(run: RunFolder, code: int) -> None:
    """Ends a launched child here and now: unloading torch in good order takes seconds.

    All it had to say is on disk, and so the lock is free exactly when the process is gone.
    """
    launched = [event.pid for event in run.events() if isinstance(event, Launched)]
    if launched[-1] == os.getpid():
        _end_now(code)


def _end_now(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _lead(run: RunFolder) -> int:
    """Has several processes train the run; says how it ended where none of them could."""
    log = EventLog(run.events_path)
    _await_launch_note(run, log)
    _keep_off_the_network()
    began = time.monotonic()
    well = worker_group.lead(run.path, run.recipe.processes)
    if run.state().outcome is None:
        what = "One of the training processes ended without a word."
        why = f"What it printed last is in {run.log_path.name}."
        remedy = "Resume the run; it goes on from the last checkpoint."
        session_s = round(time.monotonic() - began, 2)
        step = run.state().step
        log.append(Ended(time.time(), "failed", step, session_s, what, why, remedy))
    return 0 if well else TrainingError.exit_code


def _train(run: RunFolder, rank: int = 0) -> int:
    log = EventLog(run.events_path) if rank == 0 else worker_group.QuietLog(run.events_path)
    if worker_group.rank() is None:
        _await_launch_note(run, log)
    began = time.monotonic()
    told_to_stop = threading.Event()
    _stop_on_signal(told_to_stop)
    _keep_off_the_network()
    try:
        from expert_studio.core.training.trainer import train
        from expert_studio.core.training.trainer_callback import Wishes

        wanted = lambda: told_to_stop.is_set() or run.stop_requested()  # noqa: E731
        wishes = Wishes(worker_group.agreed(wanted), worker_group.agreed(run.pause_requested))
        trained = train(run, log, wishes)
        outcome = Ended(
            at_s=time.time(),
            outcome="stopped" if trained.stopped else "finished",
            step=trained.step,
            session_s=round(time.monotonic() - began, 2),
        )
        code = 0
    except Exception as cause:  # noqa: BLE001 - the one place that words whatever ended a run
        traceback.print_exc()
        if rank == 0 and _is_disk_full(cause):
            run.drop_unfinished_checkpoints()  # makes room, also for the line that says so
        outcome, code = _failure(run, cause, time.monotonic() - began)
    if rank == 0:
        _note_peak(run)
    if run.state().outcome is None:  # else another process of the group failed before
        log.append(outcome)
    return code


def _note_peak(run: RunFolder) -> None:
    import torch

    device, peak = "cpu", process_peak_bytes()
    if torch.cuda.is_available() and torch.cuda.max_memory_reserved() > 0:
        device, peak = "cuda", int(torch.cuda.max_memory_reserved())
    note_peak(run.path.parent, run.identifier, device, run.places.estimated_bytes, peak)


def _failure(run: RunFolder, cause: Exception, session_s: float) -> tuple[Ended, int]:
    error, code = _as_expert_error(run.recipe, cause)
    ended = Ended(
        at_s=time.time(),
        outcome="failed",
        step=run.state().step,
        session_s=round(session_s, 2),
        what=error.what,
        why=error.why,
        remedy=error.remedy,
    )
    return ended, code


def _as_expert_error(recipe: Recipe, cause: Exception) -> tuple[ExpertError, int]:
    if isinstance(cause, ExpertError):
        return cause, cause.exit_code
    if _is_out_of_memory(cause):
        return _out_of_memory(recipe), TrainingError.exit_code
    if _is_disk_full(cause):
        full = TrainingError(
            "The training stopped because the disk is full.",
            "",
            "Free some space, then resume; it goes on from the last checkpoint.",
        )
        return full, full.exit_code
    if _is_device_lost(cause):
        lost = TrainingError(
            "The training stopped because the graphics card or its driver failed.",
            f"{str(cause).strip().splitlines()[0].rstrip('.')}.",
            "Restart the machine if it does not come back, then resume; it goes on from the last "
            "checkpoint.",
        )
        return lost, lost.exit_code
    defect = TrainingError(
        "The training stopped on a defect in Expert Studio.",
        f"{type(cause).__name__}: {cause}.",
        "The whole report is in the run's worker.log; please send it to us.",
    )
    return defect, DEFECT_EXIT_CODE


def _is_disk_full(cause: Exception) -> bool:
    """Also as safetensors and torch.save word it, which raise no OSError."""
    if isinstance(cause, OSError):
        return cause.errno in (errno.ENOSPC, errno.EDQUOT)
    said = ("no space left", "file write failed", "unexpected pos")  # fewer bytes than it wrote
    return any(words in str(cause).lower() for words in said)


def _is_out_of_memory(cause: Exception) -> bool:
    text = str(cause).lower()
    return (
        isinstance(cause, MemoryError)
        or type(cause).__name__ == "OutOfMemoryError"
        or ("defaultcpuallocator" in text and "memory" in text)
    )


def _is_device_lost(cause: Exception) -> bool:
    if type(cause).__name__ == "AcceleratorError":
        return True
    said = ("cuda error", "cuda driver error", "nccl error", "cudnn_status", "hip error")
    return isinstance(cause, RuntimeError) and any(words in str(cause).lower() for words in said)


def _out_of_memory(recipe: Recipe) -> TrainingError:
    change = smaller(recipe)
    remedy = change.words if change else "Take a smaller base, or a machine with more memory."
    return TrainingError("The training ran out of memory.", "", remedy)


def _await_launch_note(run: RunFolder, log: EventLog) -> None:
    """Waits for the launcher's event, so that sessions never mix; run by hand, writes it."""
    end = time.monotonic() + LAUNCH_WAIT_S
    while time.monotonic() < end:
        events = run.events()
        if events and isinstance(events[-1], Launched):
            return
        time.sleep(0.02)
    checkpoint = run.checkpoint()
    step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    log.append(Launched(time.time(), os.getpid(), step))


def _stop_on_signal(told_to_stop: threading.Event) -> None:
    def on_signal(_number: int, _frame: FrameType | None) -> None:
        told_to_stop.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_signal)


def _keep_off_the_network() -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
        os.environ[name] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
