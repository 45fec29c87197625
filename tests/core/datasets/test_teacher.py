"""Jobs of making rows: the cap, stopping, going on, what a reply becomes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_studio.core.datasets.parse_checks import parses
from expert_studio.core.datasets.provider_book import Provider
from expert_studio.core.datasets.provider_keys import KeyStore
from expert_studio.core.datasets.provider_prices import Price
from expert_studio.core.datasets.provider_reply import Question, Reply
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.teacher import generate
from expert_studio.core.datasets.teacher_budget import Cap
from expert_studio.core.datasets.teacher_job import (
    TeacherControl,
    TeacherJob,
    TeacherProgress,
    estimate,
)
from expert_studio.core.datasets.teacher_prompts import Wish, request_of
from expert_studio.core.datasets.teacher_rows import rows_of
from expert_studio.core.datasets.teacher_sink import FileSink, StoreSink
from expert_studio.core.datasets.teacher_tasks import DOMAINS, FORMATS, TASKS
from expert_studio.core.errors import DatasetError, InferenceError, StorageError
from tests.provider_server import Conduct, Fault, ProviderServer
from tests.teacher_jobs import KEY, VARIABLE, job_for, numbers_in, rows_in, run_job


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    mine = ProviderServer()
    yield mine
    mine.close()


# --- the cap -------------------------------------------------------------------------


def most_it_can_have_cost(server: ProviderServer, price: Price) -> float:
    """What the server may bill: every request, answered or not, at its limit."""
    given = sum(len(json.dumps(asked.body)) for asked in server.asked)
    made = sum(asked.body["max_tokens"] for asked in server.asked)
    return price.of(given, made)


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize(
    ("fault", "usage"),
    [
        (None, True),
        (None, False),
        (Fault("drop"), True),
        (Fault("prose"), False),
        (Fault("huge", 1 << 40), False),
    ],
)
def test_the_cap_in_money_holds(
    fault: Fault | None, usage: bool, concurrency: int, server: ProviderServer, tmp_path: Path
) -> None:
    """With everything in flight counted, and attempts that broke counted in full."""
    price, cap = Price(400.0, 1200.0), Cap(usd=4.0)
    server.conduct = Conduct(usage=usage, faults=[fault] * 2 if fault else [])
    job = job_for(server, tmp_path, count=500, cap=cap, price=price, concurrency=concurrency)
    seen: list[TeacherProgress] = []
    report = run_job(job, tmp_path, on_progress=seen.append)
    assert report.end == "spent"
    assert 0 < report.spent.usd <= 4.0
    assert all(told.spent.usd <= 4.0 for told in seen)
    assert 0 < report.kept < 500
    if not usage:
        assert most_it_can_have_cost(server, price) <= 4.0 * 1.25  # of which headers are no tokens
    before = len(server.asked)
    again = run_job(job, tmp_path)
    assert (again.end, len(server.asked)) == ("spent", before)
    more = run_job(replace(job, cap=Cap(usd=6.0)), tmp_path)
    assert more.kept > report.kept
    assert more.spent.usd <= 6.0
    assert sorted(numbers_in(tmp_path)) == sorted(server.replied)


def test_a_cap_in_tokens_holds_where_the_price_is_unknown(
    server: ProviderServer, tmp_path: Path
) -> None:
    job = job_for(server, tmp_path, count=500, price=None, cap=Cap(tokens=9000))
    report = run_job(job, tmp_path)
    assert report.end == "spent"
    assert 0 < report.spent.tokens <= 9000
    assert report.spent.usd == 0


@pytest.mark.parametrize(
    "cap", [Cap(usd=1.0), Cap(usd=-1.0), Cap(usd=float("nan")), Cap(tokens=-5)]
)
def test_a_cap_that_cannot_be_held_is_refused(
    cap: Cap, server: ProviderServer, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError):
        run_job(job_for(server, tmp_path, price=None, cap=cap), tmp_path)
    assert server.asked == []


def test_a_cap_of_nothing_asks_nothing(server: ProviderServer, tmp_path: Path) -> None:
    report = run_job(job_for(server, tmp_path, cap=Cap(usd=0.0)), tmp_path)
    assert (report.end, report.kept, server.asked) == ("spent", 0, [])


def test_rows_that_are_being_kept_are_counted_once(server: ProviderServer, tmp_path: Path) -> None:
    """Counted as kept and as under way at once, others' requests would ask for too few."""

    class SlowSink(FileSink):
        def append(self, slot: int, item: Item, origin: Provenance) -> bool:
            time.sleep(0.01)
            return super().append(slot, item, origin)

    def busy(_: object) -> None:
        """The loop is late: who looks for work does so while others' rows are being kept."""
        time.sleep(0.015)

    job, sink = job_for(server, tmp_path, count=30), SlowSink(tmp_path / "rows.jsonl")
    report = run_job(job, tmp_path, sink=sink, on_progress=busy)
    assert (report.kept, report.requests) == (30, 10)
    assert {asked.rows for asked in server.asked} == {3}


def test_the_estimate_is_of_the_right_size(server: ProviderServer, tmp_path: Path) -> None:
    job = job_for(server, tmp_path, count=30)
    guess = estimate(job)
    report = run_job(job, tmp_path)
    assert guess.requests == report.requests
    assert guess.input_tokens == pytest.approx(report.spent.input_tokens, rel=1.0)
    assert guess.usd == pytest.approx(job.price.of(guess.input_tokens, guess.output_tokens))  # type: ignore[union-attr]
    assert guess.seconds > 0
    assert estimate(replace(job, price=None)).usd is None
    # this machine's base: one answer after another, and the larger it is the longer each takes
    small, large = estimate(job, 24_000_000).seconds, estimate(job, 1_200_000_000).seconds
    assert guess.seconds < small < large / 5


# --- pause, stop, go on ----------------------------------------------------------------


def test_pause_sends_nothing_new_and_going_on_goes_on(
    server: ProviderServer, tmp_path: Path
) -> None:
    async def steered() -> Any:
        control = TeacherControl()
        paused_at: list[int] = []

        def watch(told: TeacherProgress) -> None:
            if told.kept >= 3 and not paused_at:
                paused_at.append(1)
                control.pause()
                asyncio.get_running_loop().create_task(later())

        async def later() -> None:
            while server.at_once:  # noqa: ASYNC110 - the server lives on other threads
                await asyncio.sleep(0.01)
            paused_at.append(len(server.asked))
            await asyncio.sleep(0.1)
            paused_at.append(len(server.asked))
            control.resume()

        job = job_for(server, tmp_path, count=30, concurrency=2)
        keys = KeyStore({VARIABLE: KEY})
        report = await generate(job, FileSink(tmp_path / "rows.jsonl"), control, watch, keys=keys)
        return report, paused_at

    report, paused_at = asyncio.run(steered())
    assert (report.end, report.kept) == ("done", 30)
    assert paused_at[1] == paused_at[2] < len(server.asked)


@pytest.mark.parametrize("at_once", [False, True])
def test_stop_and_go_on(at_once: bool, server: ProviderServer, tmp_path: Path) -> None:
    server.conduct.pause_s = 0.02
    job = job_for(server, tmp_path, count=30)

    async def stopped() -> Any:
        control = TeacherControl()

        def watch(told: TeacherProgress) -> None:
            if told.kept >= 6:
                control.stop(at_once)

        keys = KeyStore({VARIABLE: KEY})
        sink = FileSink(tmp_path / "rows.jsonl")
        return await generate(job, sink, control, watch, keys=keys)

    report = asyncio.run(stopped())
    assert report.end == "stopped"
    assert 6 <= report.kept < 30
    if not at_once:
        assert sorted(numbers_in(tmp_path)) == sorted(server.replied)
    again = run_job(job, tmp_path)
    assert (again.end, again.kept) == ("done", 30)
    assert len(set(numbers_in(tmp_path))) == 30
    assert {kept["slot"] for kept in rows_in(tmp_path)} == set(range(30))


def test_stop_does_not_wait_for_a_long_retry_after(server: ProviderServer, tmp_path: Path) -> None:
    server.conduct.always = Fault("status", 429, "3600")
    patient = replace(job_for(server, tmp_path).insistence, most_retry_after_s=3600.0)
    job = job_for(server, tmp_path, insistence=patient)

    async def stopped() -> Any:
        control = TeacherControl()

        def watch(told: TeacherProgress) -> None:
            if told.waiting_s > 3000:
                control.stop()

        return await generate(
            job, FileSink(tmp_path / "rows.jsonl"), control, watch, keys=KeyStore({VARIABLE: KEY})
        )

    report = asyncio.run(asyncio.wait_for(stopped(), 60))
    assert (report.end, report.kept, report.spent.tokens) == ("stopped", 0, 0)


def test_a_cancelled_job_can_be_gone_on_with(server: ProviderServer, tmp_path: Path) -> None:
    server.conduct.pause_s = 0.02
    job = job_for(server, tmp_path, count=30)

    async def cancelled() -> None:
        seen = asyncio.Event()
        sink = FileSink(tmp_path / "rows.jsonl")
        keys = KeyStore({VARIABLE: KEY})
        making = asyncio.create_task(
            generate(job, sink, None, lambda told: told.kept > 3 and seen.set(), keys=keys)
        )
        await seen.wait()
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making

    asyncio.run(cancelled())
    assert run_job(job, tmp_path).kept == 30
    assert {kept["slot"] for kept in rows_in(tmp_path)} == set(range(30))


def test_a_finished_job_asks_nothing_and_needs_no_key(
    server: ProviderServer, tmp_path: Path
) -> None:
    job = job_for(server, tmp_path)
    first = run_job(job, tmp_path)
    asked = len(server.asked)
    again = run_job(job, tmp_path, keys=KeyStore({}))
    assert (again.end, again.kept, again.spent) == ("done", 12, first.spent)
    assert len(server.asked) == asked


def test_rows_of_paid_replies_are_made_again_for_nothing(
    server: ProviderServer, tmp_path: Path
) -> None:
    """As after a kill between reply and row: the journal has the reply, the sink lacks rows."""
    job = job_for(server, tmp_path)
    run_job(job, tmp_path)
    asked = len(server.asked)
    lines = job.journal.read_text().splitlines(keepends=True)
    kept_lines = [line for line in lines if '"kind": "slot"' not in line]
    job.journal.write_text("".join(kept_lines) + '{"kind": "slot", "sl')  # the last one was cut
    rows = (tmp_path / "rows.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "rows.jsonl").write_text("".join(rows[:5]) + rows[5][:30])
    report = run_job(job, tmp_path)
    assert (report.end, report.kept) == ("done", 12)
    assert len(server.asked) == asked
    assert sorted(numbers_in(tmp_path)) == sorted(server.replied)
    assert run_job(job, tmp_path).kept == 12


def test_another_job_does_not_go_on_with_a_journal(server: ProviderServer, tmp_path: Path) -> None:
    job = job_for(server, tmp_path)
    run_job(job, tmp_path)
    for other in (
        replace(job, seed=8),
        replace(job, model="other"),
        replace(job, wish=Wish("rust")),
    ):
        with pytest.raises(DatasetError, match="something else"):
            run_job(other, tmp_path)
    assert run_job(replace(job, count=20), tmp_path).kept == 20


def test_one_job_at_a_time_has_a_journal(server: ProviderServer, tmp_path: Path) -> None:
    server.conduct.pause_s = 0.02

    async def twice() -> None:
        job, keys = job_for(server, tmp_path), KeyStore({VARIABLE: KEY})
        first = asyncio.create_task(generate(job, FileSink(tmp_path / "rows.jsonl"), keys=keys))
        while not server.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(DatasetError, match="already"):
            await generate(job, FileSink(tmp_path / "other.jsonl"), keys=keys)
        assert (await first).kept == 12

    asyncio.run(twice())


class FullDisk(FileSink):
    """A sink whose disk is full after so many rows."""

    def __init__(self, path: Path, room: int) -> None:
        super().__init__(path)
        self.room = room

    def append(self, slot: int, item: Item, origin: Provenance) -> bool:
        if self.room <= 0:
            raise StorageError("The disk is full.", "No space left on device.")
        self.room -= 1
        return super().append(slot, item, origin)


def test_a_full_disk_ends_the_job_and_loses_nothing(server: ProviderServer, tmp_path: Path) -> None:
    job = job_for(server, tmp_path)
    report = run_job(job, tmp_path, sink=FullDisk(tmp_path / "rows.jsonl", 5))
    assert report.end == "failed"
    assert isinstance(report.failure, StorageError)
    paid = len(server.replied)
    report = run_job(job, tmp_path)
    assert report.kept == 12
    assert set(server.replied[:paid]) <= set(numbers_in(tmp_path))
    assert sorted(numbers_in(tmp_path)) == sorted(server.replied)


def test_rows_go_into_the_store_with_their_provenance(
    server: ProviderServer, tmp_path: Path
) -> None:
    job = job_for(server, tmp_path)
    with DatasetStore(tmp_path / "dataset") as store:
        report = run_job(job, tmp_path, sink=StoreSink(store))
        assert (report.kept, store.count()) == (12, 12)
        lines = [line for line in job.journal.read_text().splitlines() if '"slot"' not in line]
        job.journal.write_text("\n".join(lines) + "\n")
        assert run_job(job, tmp_path, sink=StoreSink(store)).kept == 12
        assert store.count() == 12
        row = next(iter(store.each()))
        origin = store.provenance(row.hash)
        assert origin is not None
        assert (origin.provider, origin.model) == ("tester", "teacher-1")
        assert len(origin.prompt_hash) == 64
        assert origin.cost_usd > 0
        assert origin.at > 0
        assert origin.more["output_tokens"] > 0
        total = sum(store.provenance(one.hash).cost_usd for one in store.each())  # type: ignore[union-attr]
        assert total == pytest.approx(report.spent.usd)


def test_rows_that_say_the_same_are_kept_once(server: ProviderServer, tmp_path: Path) -> None:
    server.conduct.row = lambda number: {
        "instruction": f"Write {number % 4}.", "input": "", "output": json.dumps(number % 4),
    }  # fmt: skip
    report = run_job(job_for(server, tmp_path, count=8), tmp_path)
    assert report.kept == 4
    assert set(report.lost) == {"It says the same as another row."}
    assert report.end in {"exhausted", "failed"}


# --- the local base --------------------------------------------------------------------


class Base:
    """A model of this process, as the caller hands one in."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.asked = 0

    async def answer(self, question: Question) -> Reply:
        self.asked += 1
        if self.fails:
            raise InferenceError("The base stumbled.")
        row = {"instruction": f"Write {self.asked} as JSON.", "output": {"n": self.asked}}
        return Reply(json.dumps(row), input_tokens=10, output_tokens=5)


def local_job(folder: Path) -> TeacherJob:
    provider = Provider("local", "Local base", "local", needs_key=False)
    return TeacherJob(provider, "base", Wish("json"), 3, 1, folder / "j.jsonl", batch=1)


def test_the_local_base_makes_rows(tmp_path: Path) -> None:
    report = run_job(local_job(tmp_path), tmp_path, local=Base())
    assert (report.end, report.kept, report.spent.usd) == ("done", 3, 0.0)
    failed = run_job(replace(local_job(tmp_path), count=5), tmp_path, local=Base(fails=True))
    assert (failed.end, str(failed.failure)) == ("failed", "The base stumbled.")
    assert run_job(replace(local_job(tmp_path), count=5), tmp_path).end == "failed"


# --- what is asked, and what replies become ---------------------------------------------


def test_every_domain_and_format_is_asked_for_and_its_examples_are_right() -> None:
    for domain, tasks in TASKS.items():
        for kind in FORMATS:
            if domain == "classification" and kind != "instruction":
                with pytest.raises(DatasetError):
                    Wish(domain, kind).checked()
                continue
            wish = Wish(domain, kind, more="Use British spelling.").checked()
            prompts = {request_of(wish, 3, first, 5).prompt for first in range(0, 100, 5)}
            assert len(prompts) == 20
            assert all("British" in prompt and len(prompt) < 3000 for prompt in prompts)
        for name, task in tasks.items():
            assert task.parses_as == "" or parses(task.parses_as, task.shown[2]) is None, name
    assert request_of(Wish("json"), 3, 5, 5) == request_of(Wish("json"), 3, 5, 5)
    assert request_of(Wish("json"), 4, 5, 5).prompt != request_of(Wish("json"), 3, 5, 5).prompt


@pytest.mark.parametrize(
    "wish",
    [Wish("cobol"), Wish("json", tasks={"dance": 1}), Wish("json", difficulty={"easy": -1}),
     Wish("json", tasks={"repair": 0.0}), Wish("json", difficulty={"trivial": 1}),
     Wish("json", "poem")],  # type: ignore[arg-type]
)  # fmt: skip
def test_impossible_wishes_are_refused(wish: Wish, server: ProviderServer, tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        run_job(job_for(server, tmp_path, wish=wish), tmp_path)


@pytest.mark.parametrize("change", [{"count": 0}, {"batch": 0}, {"concurrency": 0}, {"model": " "}])
def test_impossible_jobs_are_refused(
    change: dict[str, Any], server: ProviderServer, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError):
        run_job(job_for(server, tmp_path, **change), tmp_path)


def made(text: str, rows: int = 2, wish: Wish = Wish("json"), **more: Any) -> list[Any]:  # noqa: B008
    return rows_of(Reply(text, **more), request_of(wish, 1, 10, rows), wish, "p/m", "job")


ROW = '{"instruction": "Write one.", "input": "", "output": "1"}'
OTHER = '{"instruction": "Write two.", "input": "", "output": "2"}'


@pytest.mark.parametrize(
    "text",
    [
        f"{ROW}\n{OTHER}",
        f"```json\n{ROW}\n{OTHER}\n```",
        f"```\n[{ROW}, {OTHER}]\n```",
        f"[{ROW},\n{OTHER}]",
        f'{{"rows": [{ROW}, {OTHER}]}}',
        f"Here you are:\n\n1. {ROW}\n2. {OTHER}\n\nEnjoy!",
        json.dumps(json.loads(ROW), indent=2) + ",\n" + json.dumps(json.loads(OTHER), indent=2),
        f"{ROW}{OTHER}",
        f"\ufeff{ROW}\r\n{OTHER}\r\n{ROW}",
    ],
)
def test_replies_are_read_leniently(text: str) -> None:
    outcomes = made(text)
    assert [one.reason for one in outcomes] == ["", ""]
    assert [one.item.answer for one in outcomes] == ["1", "2"]
    assert [one.slot for one in outcomes] == [10, 11]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"instruction": "Write", "output": ', "not valid JSON"),
        ('{"instruction": "Write one.", "output": NaN}', "not valid JSON"),
        ('{"instruction": "Write one."}', "none of the fields"),
        ('{"instruction": "", "output": "1"}', "empty"),
        ('{"instruction": "Write one.", "output": "   "}', "empty"),
        ('{"instruction": "Write one.", "output": "{broken"}', "not valid json"),
        ('{"prompt": "a", "chosen": "1", "rejected": "2"}', "not an instruction"),
        ('{"instruction": "Half \\ud800", "output": "1"}', "surrogate"),
        ('{"instruction": "Deep", "output": ' + "[" * 60 + "]" * 60 + "}", "nested"),
        ('{"instruction": "Deep", "output": ' + "[" * 9000 + "]" * 9000 + "}", "JSON"),
        ('{"instruction": "' + "x" * 70_000 + '", "output": "1"}', "characters"),
    ],
)
def test_a_bad_line_costs_its_slot_and_no_other(line: str, reason: str) -> None:
    for text, bad in ((f"{line}\n{ROW}", 0), (f"{ROW}\n{line}", 1)):
        outcomes = made(text)
        assert reason in outcomes[bad].reason
        assert outcomes[bad].item is None
        assert outcomes[1 - bad].reason == ""


def test_what_a_model_says_of_itself_is_not_believed() -> None:
    row = {**json.loads(ROW), "id": "x", "scorer": "shell", "license": "mine", "family": "f"}
    item = made(json.dumps(row), rows=1)[0].item
    assert (item.identifier, item.scorer, item.license) == ("teacher-job-10", "json", "")
    assert item.family.startswith("teacher/json/")
    assert item.source == "p/m"


def test_preference_pairs() -> None:
    wish = Wish("json", "preference_pairs")
    pair = {"instruction": "One?", "input": "x", "chosen": {"a": 1}, "rejected": "{", "flaw": "bad"}
    item = made(json.dumps(pair), 1, wish)[0].item
    assert (item.chosen, item.rejected, item.flaw) == ('{"a": 1}', "{", "bad")
    assert item.prompt[0].content == "One?\n\nx"
    same = {**pair, "rejected": '{"a": 1}'}
    assert "the same" in made(json.dumps(same), 1, wish)[0].reason


def test_distillation_keeps_thoughts_apart_from_the_answer() -> None:
    wish = Wish("json", "distillation")
    row = {"input": "What is 1+1?", "reasoning": "One and one are two.", "answer": "2"}
    item = made(json.dumps(row), 1, wish)[0].item
    assert (item.answer, item.reasoning) == ("2", "One and one are two.")
    bare = {"input": "What is 1+1?", "answer": 2}
    assert "no reasoning" in made(json.dumps(bare), 1, wish)[0].reason
    native = made(json.dumps(bare), 1, wish, reasoning="Two, of course.")[0].item
    assert (native.answer, native.reasoning) == ("2", "Two, of course.")


def test_classified_documents() -> None:
    wish = Wish("classification")
    label = {"type": "invoice", "language": "English", "technologies": ["PDF"]}
    item = made(json.dumps({"path": "a.txt", "content": "Total: 4", "label": label}), 1, wish)[
        0
    ].item
    assert (item.type, item.language, item.technologies) == ("invoice", "English", ("PDF",))
    assert "not a document" in made(ROW, 1, wish)[0].reason


def test_fences_around_code_are_taken_off() -> None:
    row = {"instruction": "Write f.", "output": "```python\ndef f():\n    return 1\n```"}
    assert made(json.dumps(row), 1, Wish("python"))[0].item.answer == "def f():\n    return 1"
    broken = {"instruction": "Write f.", "output": "def f(:"}
    assert "not valid python" in made(json.dumps(broken), 1, Wish("python"))[0].reason


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_text_at_all_becomes_outcomes(text: str) -> None:
    for domain in DOMAINS:
        outcomes = made(text, 3, Wish(domain))
        assert [one.slot for one in outcomes] == [10, 11, 12]
        assert all((one.item is None) == bool(one.reason) for one in outcomes)


FIELDS = [
    "instruction",
    "input",
    "output",
    "label",
    "messages",
    "chosen",
    "rejected",
    "content",
    "type",
    "reasoning",
    "prompt",
    "text",
    "language",
    "technologies",
    "role",
    "path",
]


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(FIELDS),
        inner, max_size=5,
    ),
    max_leaves=12,
))  # fmt: skip
def test_any_json_at_all_becomes_outcomes(value: object) -> None:
    for wish in (Wish("json"), Wish("english", "preference_pairs"), Wish("classification")):
        outcomes = made(json.dumps(value), 2, wish)
        assert [one.slot for one in outcomes] == [10, 11]
        assert all((one.item is None) == bool(one.reason) for one in outcomes)
