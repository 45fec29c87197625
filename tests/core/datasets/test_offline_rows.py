"""Rows made by rule: equal for an equal seed, right by their own checks, never across a split."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from datasketch import MinHash, MinHashLSH
from tokenizers import Tokenizer

from expert_studio.core.datasets import offline_words
from expert_studio.core.datasets.dataset_recipe import DatasetRecipe, build
from expert_studio.core.datasets.examples import Example, as_row
from expert_studio.core.datasets.offline import DOMAINS, domain, generate
from expert_studio.core.datasets.offline_documents.rows import TYPES, as_document_row
from expert_studio.core.datasets.offline_english.rows import NOT_SAID
from expert_studio.core.datasets.offline_json_tasks.medley_keys import HELD_OUT_KEYS, KEYS
from expert_studio.core.datasets.offline_json_tasks.shapes import keys_of_shapes
from expert_studio.core.datasets.offline_request import OfflineRequest, is_named
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.errors import DatasetError
from expert_studio.core.settings import resources_folder

OURS = ("english", "json", "classification")
QUICK = 500
# SHA-256 of the first 200 rows of seed 1, as chat rows
ROWS_OF_VERSION = {
    ("english", 2): "e0bbf18a3a097ead",
    ("json", 2): "c600ce9f255c8a03",
    ("classification", 5): "3abc502375e601f3",
    ("python", 3): "d49ab415ebdc0152",
    ("rust", 3): "0cd9312dbc06a954",
}
NEAR = 0.85


def sft(name: str, request: OfflineRequest) -> list[Example]:
    return [row for row in generate(name, "sft", request) if isinstance(row, Example)]


def pairs(name: str, request: OfflineRequest) -> list[PreferencePair]:
    made = generate(name, "preference_pairs", request)
    return [row for row in made if isinstance(row, PreferencePair)]


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def asked_of(example: Example) -> str:
    """What the instruction is about."""
    return example.prompt[-1].content.partition("\n\n")[2]


def fault(name: str, example: Example) -> str:
    """What is wrong with a row by its domain's own check, or nothing."""
    prompt, answer = example.prompt[-1].content, example.answer
    if re.search(r"\{[a-z]:?\w*\}|\[\w[^\]]*~", prompt + answer) and name == "english":
        return "a slot was left open"
    if name == "english" and example.task == "answer":
        passage, _, question = asked_of(example).rpartition("\n\n")
        said = answer in passage or answer == NOT_SAID
        return "" if said and question.endswith("?") else "the answer is not in the text"
    if name == "english" and example.task == "correct":
        return "" if answer[0].isupper() or answer[0] in '"“‘' else "no capital at the start"
    if name == "english":
        return "" if answer != asked_of(example) else "nothing to do"
    if not is_json(answer):
        return "the answer is no JSON"
    if name == "json" and example.task == "repair" and is_json(asked_of(example)):
        return "nothing is broken"
    if name == "classification":
        label = as_document_row(example)["label"]
        return "" if label["type"] in TYPES and label["language"] else "no such class"
    return ""


def near_duplicates(examples: Iterable[Example]) -> Counter[str]:
    """Rows by task that are 0.85 alike, by shingles of five characters, to one before them."""
    index, kept, found = MinHashLSH(threshold=0.8, num_perm=64), {}, Counter[str]()
    for number, example in enumerate(examples):
        text = f"{example.prompt[-1].content}\n{example.answer}".lower()
        shingles = {text[at : at + 5].encode() for at in range(len(text) - 4)}
        sketch = MinHash(64, seed=1)
        sketch.update_batch(list(shingles))
        others = (kept[other] for other in index.query(sketch))
        if any(len(shingles & one) >= NEAR * len(shingles | one) for one in others):
            found[example.task] += 1
        else:
            index.insert(number, sketch)
            kept[number] = shingles
    return found


@pytest.mark.parametrize("name", OURS)
def test_rows_pass_their_own_check(name: str) -> None:
    for held_out in (False, True):
        examples = sft(name, OfflineRequest(QUICK, 4, held_out=held_out))
        assert len(examples) == QUICK
        faults = [(fault(name, e), e.prompt[-1].content, e.answer) for e in examples]
        assert not [one for one in faults if one[0]]
        assert {e.task for e in examples} == set(domain(name).TASKS)
        assert {e.difficulty for e in examples} == {"easy", "medium", "hard"}


@pytest.mark.parametrize("name", DOMAINS)
def test_equal_seeds_give_equal_bytes(name: str) -> None:
    def bytes_of(seed: int, count: int = 60) -> list[str]:
        return [json.dumps(as_row(e)) for e in sft(name, OfflineRequest(count, seed))]

    first = bytes_of(3)
    assert first == bytes_of(3)
    assert first != bytes_of(4)
    assert first[:20] == bytes_of(3, 20)
    assert pairs(name, OfflineRequest(30, 3)) == pairs(name, OfflineRequest(30, 3))


@pytest.mark.parametrize(("name", "version"), sorted(ROWS_OF_VERSION))
def test_rows_are_those_of_this_version(name: str, version: int) -> None:
    """Rows change only with the version: raise `VERSION` where this fails by intent."""
    rows = "".join(json.dumps(as_row(e)) for e in sft(name, OfflineRequest(200, 1)))
    assert version == domain(name).VERSION
    assert hashlib.sha256(rows.encode()).hexdigest()[:16] == ROWS_OF_VERSION[name, version]


ANY_KEYS = ("extract/any-keys", "repair/any-keys/*", "convert/any-keys/*")


def test_any_keys_are_drawn_where_they_are_named_alone() -> None:
    asked = OfflineRequest(QUICK, 1, tasks={"extract": 1, "repair": 1, "convert": 1})
    made = sft("json", replace(asked, families=ANY_KEYS))
    assert all("any-keys" in row.family for row in made)
    assert not [row for row in made if fault("json", row)]
    assert {row.task for row in made} == {"extract", "repair", "convert"}
    every = sft("json", replace(asked, families=("extract/*", "repair/*", "convert/*")))
    assert not [row for row in every if "any-keys" in row.family]


def test_any_keys_hardly_come_twice_and_are_none_that_only_held_out_rows_have() -> None:
    made = sft("json", OfflineRequest(QUICK, 1, families=ANY_KEYS[:1]))
    keys = Counter(key for row in made for key in json.loads(row.answer))
    assert len(keys) > 0.6 * keys.total()
    kept = {*HELD_OUT_KEYS, *keys_of_shapes(True)} - {*KEYS, *keys_of_shapes(False)}
    assert len(kept) > 20
    assert not keys.keys() & kept


@pytest.mark.parametrize("name", OURS)
def test_families_never_lie_on_both_sides(name: str) -> None:
    named = domain(name).families()
    assert len({family.name for family in named}) == len(named)
    by_side = {
        side: {family.name for family in named if family.held_out == side} for side in (False, True)
    }
    assert not by_side[False] & by_side[True]
    for side in (False, True):
        examples = sft(name, OfflineRequest(QUICK, 9, held_out=side))
        assert {e.family for e in examples} <= by_side[side]


@pytest.mark.parametrize("name", ["english", "json"])
def test_held_out_names_are_never_trained(name: str) -> None:
    first_names = (*offline_words.MEN, *offline_words.WOMEN)
    sides = {side: set(offline_words.side(first_names, side)) for side in (False, True)}
    assert min(len(names) for names in sides.values()) > 10
    for side in (False, True):
        text = " ".join(
            example.prompt[-1].content
            for example in sft(name, OfflineRequest(QUICK, 9, held_out=side))
        )
        used = set(re.findall(r"\w+", text))
        assert len(used & sides[side]) > 10
        # "Frank", "May" and their like are no first names where they end a surname or a street
        assert not used & (sides[not side] - set(offline_words.LAST) - set(offline_words.STREET))


def test_known_families_come_with_unseen_words() -> None:
    request = OfflineRequest(120, 2, held_out=True, known_families=1.0)
    training = {family.name for family in domain("json").families() if not family.held_out}
    assert {e.family for e in sft("json", request)} <= training


@pytest.mark.parametrize("name", OURS)
def test_rejected_answers_have_a_named_flaw(name: str) -> None:
    made = pairs(name, OfflineRequest(QUICK, 6))
    assert all(pair.chosen != pair.rejected and pair.flaw for pair in made)
    assert len({pair.flaw for pair in made}) >= 5


@pytest.mark.parametrize(
    ("name", "patterns"),
    [
        ("english", ("answer/bakery", "correct/scene/*")),
        ("json", ("extract/medley", "repair/extra-bracket/*")),
        ("classification", ("classify/article/*",)),
    ],
)
def test_a_request_chooses_families(name: str, patterns: tuple[str, ...]) -> None:
    tasks = {pattern.partition("/")[0]: 1.0 for pattern in patterns}
    some = OfflineRequest(40, 4, tasks=tasks, families=patterns)
    made = {e.family for e in sft(name, some)}
    assert all(is_named(family, patterns) for family in made)
    assert all(any(is_named(family, (one,)) for family in made) for one in patterns)
    with pytest.raises(DatasetError, match="no family"):
        sft(name, replace(some, families=("sing/*",)))


def test_a_family_that_the_difficulty_never_gives_is_a_sentence() -> None:
    request = OfflineRequest(1, 4, difficulty={"easy": 1}, families=("extract/list/*",))
    with pytest.raises(DatasetError, match="No easy row"):
        sft("json", request)


def test_a_request_chooses_the_kinds_of_error() -> None:
    """Every text differs from its right form by the kind of error asked for."""
    wanted = OfflineRequest(80, 4, tasks={"correct": 1}, difficulty={"easy": 1}, kinds=("article",))
    wrong = [e for e in sft("english", wanted) if asked_of(e) != e.answer]
    assert len(wrong) > 60
    articles = re.compile(r"\b(an?) ", re.IGNORECASE)
    assert all(articles.sub("a ", asked_of(e)) == articles.sub("a ", e.answer) for e in wrong)


def test_difficulty_means_length() -> None:
    def mean_length(name: str, difficulty: str) -> float:
        examples = sft(name, OfflineRequest(150, 2, difficulty={difficulty: 1}))
        return sum(len(e.prompt[-1].content) for e in examples) / len(examples)

    for name in ("english", "json"):
        assert mean_length(name, "easy") < mean_length(name, "medium") < mean_length(name, "hard")


@pytest.mark.parametrize("name", OURS)
def test_rows_fit_the_bundled_base(name: str) -> None:
    tokenizer = Tokenizer.from_file(str(resources_folder() / "base" / "tokenizer.json"))
    lengths = sorted(
        len(tokenizer.encode(f"{e.prompt[-1].content}{e.answer}").ids)
        for e in sft(name, OfflineRequest(QUICK, 4))
    )
    assert lengths[QUICK * 9 // 10] < 300


@pytest.mark.parametrize("name", OURS)
def test_few_rows_are_near_duplicates(name: str) -> None:
    assert near_duplicates(sft(name, OfflineRequest(QUICK, 5))).total() <= QUICK * 0.05


@pytest.mark.long
@pytest.mark.parametrize("name", DOMAINS)
def test_ten_thousand_rows(name: str) -> None:
    """Prints seconds of one core, near duplicates and token lengths: run with `-s`."""
    began = time.process_time()
    examples = sft(name, OfflineRequest(10_000, 5))
    seconds = time.process_time() - began
    alike = near_duplicates(examples)
    tasks = Counter(e.task for e in examples)
    tokenizer = Tokenizer.from_file(str(resources_folder() / "base" / "tokenizer.json"))
    lengths = sorted(
        len(tokenizer.encode(f"{e.prompt[-1].content}{e.answer}").ids) for e in examples
    )
    at = [lengths[len(lengths) * part // 100] for part in (50, 90, 99)]
    shares = {task: f"{alike[task] / count:.2%}" for task, count in tasks.items()}
    print(f"\n{name}: {seconds:.1f} s, alike {alike.total()}, {shares}, tokens p50/90/99 {at}")
    assert len(examples) == 10_000
    assert seconds < 60
    assert alike.total() <= 500
    assert name not in OURS or not [e for e in examples if fault(name, e)]


@pytest.mark.parametrize(
    "request_",
    [
        OfflineRequest(-1, 1),
        OfflineRequest(1, 1, tasks={"sing": 1}),
        OfflineRequest(1, 1, tasks={"repair": -1}),
        OfflineRequest(1, 1, tasks={"repair": 0}),
        OfflineRequest(1, 1, difficulty={"brutal": 1}),
        OfflineRequest(1, 1, known_families=2),
    ],
)
def test_impossible_requests_are_sentences(request_: OfflineRequest) -> None:
    with pytest.raises(DatasetError):
        sft("json", request_)


def test_unknown_domains_are_sentences() -> None:
    with pytest.raises(DatasetError, match="no generator for 'klingon'"):
        generate("klingon", "sft", OfflineRequest(1, 1))


def test_a_recipe_uses_every_domain() -> None:
    def part(generator: str, **more: object) -> dict[str, object]:
        counts = {"train": 6, "validation": 2, "held_out": 4}
        return {"kind": "rule", "generator": generator, "rows": counts, **more}

    names = ("english", "json-tasks", "cypher", "python", "rust", "classification")
    recipe = {"name": "all", "seed": 1, "parts": [part(name) for name in names]}
    splits = build(DatasetRecipe.model_validate(recipe), None)
    assert [len(splits.train), len(splits.validation), len(splits.held_out)] == [36, 12, 24]
    assert not {e.family for e in splits.held_out} & {e.family for e in splits.train}
    for wrong in (part("english", version=99), part("english", uses_corpus=True)):
        with pytest.raises(DatasetError):
            build(DatasetRecipe.model_validate({**recipe, "parts": [wrong]}), None)
