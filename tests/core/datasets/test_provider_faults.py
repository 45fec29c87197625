"""A provider that misbehaves: item 71 of the hostile list, in both dialects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.datasets.provider_book import Dialect
from expert_studio.core.datasets.provider_transport import Limits
from tests.provider_server import Conduct, Fault, ProviderServer
from tests.teacher_jobs import BRIEF, IMPATIENT, KEY, job_for, numbers_in, rows_in, run_job

IMPATIENT_LINE = Limits(bytes=1 << 20, connect_s=5.0, read_s=0.3, total_s=1.0)


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    mine = ProviderServer()
    yield mine
    mine.close()


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", [True, False])
def test_rows_are_made_in_either_dialect(
    dialect: Dialect,
    stream: bool,
    server: ProviderServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Told: yes")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Told: yes")
    server.conduct.stream = stream
    report = run_job(job_for(server, tmp_path, dialect), tmp_path)
    assert (report.end, report.kept, report.lost) == ("done", 12, {})
    assert sorted(numbers_in(tmp_path)) == sorted(server.replied)
    assert report.requests == len(server.asked) == 4
    told = sum(len(asked.prompt) // 4 for asked in server.asked)
    assert report.spent.input_tokens == told
    assert report.spent.usd == pytest.approx((told + 2 * report.spent.output_tokens) / 1e6)
    told_key = [asked.headers.get("authorization", "") for asked in server.asked]
    assert told_key == [f"Bearer {KEY}"] * 4
    needed = {"host", "connection", "accept", "content-type", "content-length", "authorization"}
    needed |= {"anthropic-version", "accept-encoding", "user-agent"}
    assert set(server.asked[0].headers) <= needed


# fault, what one lost request says; three rows of twelve are lost and made up for
COSTS_ITS_ROWS: dict[str, tuple[Fault, str]] = {
    "broken-json": (Fault("broken-json"), "JSON"),
    "wrong-type": (Fault("wrong-type"), "text/html"),
    "packed": (Fault("packed"), "packed"),
    "tool": (Fault("tool"), "called a tool"),
    "refusal": (Fault("refusal"), "refused"),
    "empty": (Fault("empty"), "empty"),
    "prose": (Fault("prose"), "0 of 3 rows"),
    "not-rows": (Fault("not-rows"), "none of the fields"),
    "numbers": (Fault("numbers"), "not a JSON object"),
    "bad-request": (Fault("status", 400), "400"),
    "two-gigabytes": (Fault("huge", 2 << 30), "larger than"),
    "huge": (Fault("huge"), "larger than"),
    "endless": (Fault("endless"), "did not end"),
}


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("name", COSTS_ITS_ROWS)
def test_a_bad_reply_costs_its_rows_only(
    name: str, dialect: Dialect, server: ProviderServer, tmp_path: Path
) -> None:
    fault, said = COSTS_ITS_ROWS[name]
    server.conduct.faults = [fault]
    limits = IMPATIENT_LINE if name == "endless" else BRIEF
    report = run_job(job_for(server, tmp_path, dialect, limits=limits), tmp_path)
    assert (report.end, report.kept) == ("done", 12)
    assert sum(report.lost.values()) == 3
    assert said in " ".join(report.lost)
    assert sorted(numbers_in(tmp_path)) == sorted(server.replied)
    assert len({kept["slot"] for kept in rows_in(tmp_path)}) == 12


ODD = [
    "5", "null", "[]", '"text"', "{}", "[[]]", "true", '{"choices": 5}', '{"choices": [null]}',
    '{"choices": [{"delta": 5}]}', '{"choices": [{"delta": {"content": {"a": 1}}}]}',
    '{"choices": [{"message": {"content": 5}, "finish_reason": []}], "usage": "much"}',
    '{"choices": [{"delta": {"content": "{}"}}], "usage": {"prompt_tokens": -5}}',
    '{"type": 5}', '{"type": "message", "content": 5, "usage": []}', '{"type": "message_start"}',
    '{"type": "content_block_delta", "delta": 5}', '{"type": "content_block_start"}',
    '{"type": "content_block_delta", "delta": {"type": "text_delta", "text": null}}',
    '{"type": "message", "content": [5, null], "usage": {"input_tokens": "many"}}',
    "[" * 100_000, '{"a":' * 50_000,
]  # fmt: skip


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", [True, False])
def test_events_of_any_shape_cost_their_rows_only(
    dialect: Dialect, stream: bool, server: ProviderServer, tmp_path: Path
) -> None:
    server.conduct = Conduct(stream=stream, faults=[Fault("odd", shape) for shape in ODD])
    patient = replace(IMPATIENT, bad_replies=len(ODD) + 1)
    job = job_for(server, tmp_path, dialect, spare=10.0, concurrency=1, insistence=patient)
    report = run_job(job, tmp_path)
    assert (report.end, report.kept) == ("done", 12)
    assert sum(report.lost.values()) == 3 * len(ODD)
    assert sorted(numbers_in(tmp_path)) == sorted(server.replied)


@pytest.mark.parametrize("kind", ["cut", "half-rows"])
def test_good_lines_of_a_bad_reply_are_kept(
    kind: Any, server: ProviderServer, tmp_path: Path
) -> None:
    server.conduct.faults = [Fault(kind)]
    report = run_job(job_for(server, tmp_path), tmp_path)
    assert (report.end, report.kept) == ("done", 12)
    assert sorted(numbers_in(tmp_path)) == sorted(server.replied)
    assert sum(report.lost.values()) == (2 if kind == "cut" else 1)
    if kind == "cut":
        assert "cut at the token limit" in " ".join(report.lost)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 429),
        Fault("status", 429, "0"),
        Fault("status", 429, "0.02"),
        Fault("status", 429, "86400"),
        Fault("status", 503, "Wed, 21 Oct 2099 07:28:00 GMT"),
        Fault("status", 503, "soon"),
        Fault("status", 429, "-1"),
        Fault("status", 429, "nan"),
        Fault("status", 500),
        Fault("status", 529),
        Fault("status", 408),
        Fault("drop"),
        Fault("hang"),
        Fault("stall"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.value}-{fault.retry_after}",
)
def test_what_passes_is_tried_again(
    fault: Fault, dialect: Dialect, server: ProviderServer, tmp_path: Path
) -> None:
    """A Retry-After of a day is honoured up to the cap, here a twentieth of a second."""
    server.conduct.faults = [fault, fault]
    report = run_job(job_for(server, tmp_path, dialect, limits=IMPATIENT_LINE), tmp_path)
    assert (report.end, report.kept, report.lost) == ("done", 12, {})
    assert report.requests == 6
    assert sorted(numbers_in(tmp_path)) == sorted(server.replied)
    answered = (report.spent.input_tokens, report.spent.output_tokens)
    if fault.kind == "status":  # refused attempts are not billed
        assert answered[0] == sum(len(asked.prompt) // 4 for asked in server.asked) - sum(
            len(asked.prompt) // 4 for asked in server.asked[:2]
        )


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "refused the key"), (403, "refused the key"), (402, "paid first"),
     (404, "no such model"), (405, "no such model")],
)  # fmt: skip
def test_what_does_not_pass_ends_the_job_at_once(
    status: int, said: str, server: ProviderServer, tmp_path: Path
) -> None:
    server.conduct.always = Fault("status", status)
    report = run_job(job_for(server, tmp_path, concurrency=1), tmp_path)
    assert report.end == "failed"
    assert said in str(report.failure)
    assert len(server.asked) == 1
    assert report.spent.tokens == 0
    server.conduct.always = None
    again = run_job(job_for(server, tmp_path), tmp_path)
    assert (again.end, again.kept, again.lost) == ("done", 12, {})


def test_a_provider_that_stays_away_ends_the_job_and_loses_nothing(
    server: ProviderServer, tmp_path: Path
) -> None:
    server.conduct.always = Fault("status", 503)
    report = run_job(job_for(server, tmp_path, concurrency=1), tmp_path)
    assert (report.end, report.kept, report.lost) == ("failed", 0, {})
    assert len(server.asked) == 4  # as often as it insists
    server.conduct.always = None
    assert run_job(job_for(server, tmp_path), tmp_path).kept == 12


def test_a_server_that_is_not_there(server: ProviderServer, tmp_path: Path) -> None:
    job = job_for(server, tmp_path, concurrency=1)
    server.close()
    report = run_job(job, tmp_path)
    assert report.end == "failed"
    assert "cannot be reached" in str(report.failure)
    assert report.spent.tokens == 0


def test_a_model_that_never_gives_rows_ends_the_job(server: ProviderServer, tmp_path: Path) -> None:
    server.conduct.always = Fault("prose")
    report = run_job(job_for(server, tmp_path, count=200, concurrency=2), tmp_path)
    assert report.end == "failed"
    assert "no usable rows" in str(report.failure)
    assert len(server.asked) < 8


def test_too_many_bad_rows_end_the_job(server: ProviderServer, tmp_path: Path) -> None:
    server.conduct.always = Fault("half-rows")
    report = run_job(job_for(server, tmp_path, spare=0.1, concurrency=1), tmp_path)
    assert report.end == "exhausted"
    assert 0 < report.kept < 12


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_stream_that_says_overloaded_is_tried_again(
    dialect: Dialect, server: ProviderServer, tmp_path: Path
) -> None:
    server.conduct.faults = [Fault("error-event")]
    report = run_job(job_for(server, tmp_path, dialect), tmp_path)
    assert (report.end, report.kept, report.lost) == ("done", 12, {})


def test_no_more_requests_at_once_than_allowed(server: ProviderServer, tmp_path: Path) -> None:
    server.conduct.pause_s = 0.02
    run_job(job_for(server, tmp_path, count=40, batch=2, concurrency=3), tmp_path)
    assert server.most_at_once == 3
