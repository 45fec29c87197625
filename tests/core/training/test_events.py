"""Events survive what happens to files: torn lines, odd numbers, resumed sessions."""

from __future__ import annotations

import math
from pathlib import Path

from expert_studio.core.training.events import (
    CheckpointSaved,
    Ended,
    Evaluated,
    EventLog,
    EventReader,
    Launched,
    Started,
    Step,
    effective,
    read_events,
)


def step(number: int, loss: float = 1.0) -> Step:
    return Step(1.0, number, 0.1, loss, 1e-3, 0.5, 100, 50.0, 1 << 20)


def started(from_step: int) -> Started:
    return Started(1.0, "cpu", "CPU", "fp32", 9, from_step, 8, 2, 0, 10, {"torch": "2"}, 0.5)


def test_every_kind_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    events = (
        Launched(1.0, 7, 0),
        started(0),
        step(1),
        Evaluated(1.0, 1, 0.5, 2),
        CheckpointSaved(1.0, 1, "checkpoint-1"),
        Ended(1.0, "failed", 1, 2.0, "What.", "Why.", "Remedy."),
    )
    for event in events:
        log.append(event)
    assert read_events(path) == events


def test_a_number_that_is_none_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(step(1, math.nan))
    assert "NaN" not in path.read_text()
    (read,) = read_events(path)
    assert isinstance(read, Step)
    assert math.isnan(read.loss)
    assert read.learning_rate == 1e-3


def test_a_torn_last_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(step(1))
    EventLog(path).append(step(2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    reader = EventReader(path)
    assert reader.read() == (step(1),)
    assert reader.read() == ()
    path.write_bytes(whole)
    assert reader.read() == (step(2),)
    assert reader.unreadable_lines == 0


def test_a_line_torn_by_a_kill_is_closed_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(step(1))
    with path.open("ab") as stream:
        stream.write(b'{"kind": "step", "at_s": 17')
    EventLog(path).append(step(2))
    reader = EventReader(path)
    assert reader.read() == (step(1), step(2))
    assert reader.unreadable_lines == 1


def test_events_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind": "margin", "at_s": 1}\n[]\n')
    EventLog(path).append(step(3))
    assert read_events(path) == (step(3),)


def test_steps_that_a_resumed_session_repeats_replace_the_old_ones() -> None:
    lost = (Launched(1.0, 7, 0), started(0), step(1), step(2, 9.0), step(3, 9.0))
    again = (Launched(2.0, 8, 1), started(1), step(2, 2.0), step(3, 3.0))
    counted = [event for event in effective((*lost, *again)) if isinstance(event, Step)]
    assert [(event.step, event.loss) for event in counted] == [(1, 1.0), (2, 2.0), (3, 3.0)]
