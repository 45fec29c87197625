"""The next token: which could be chosen, how often, and the same again for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from expert_studio.core.inference.conversation import Sampling
from expert_studio.core.inference.sampling import Sampler, with_seed

CPU = torch.device("cpu")
# probabilities 0.5, 0.25, 0.125, ... at temperature 1, not in order
LOGITS = torch.log(torch.tensor([0.125, 0.5, 0.015625, 0.25, 0.0625, 0.03125, 0.015625]))


def _drawn(sampling: Sampling, draws: int = 600, prompt: tuple[int, ...] = ()) -> Counter[int]:
    sampler = Sampler(sampling, prompt, CPU)
    return Counter(sampler.choose(LOGITS.clone()) for _ in range(draws))


def _plain(**changes: object) -> Sampling:
    fields = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 5} | changes
    return Sampling(**fields)  # type: ignore[arg-type]


def test_nothing_set_draws_from_the_distribution() -> None:
    drawn = _drawn(_plain(), 4000)
    assert set(drawn) == set(range(7))
    for token, probability in enumerate(LOGITS.exp().tolist()):
        assert drawn[token] / 4000 == pytest.approx(probability, abs=0.03)


def test_temperature_nought_is_the_most_likely() -> None:
    assert _drawn(_plain(temperature=0.0), 20) == {1: 20}


def test_low_temperature_sharpens() -> None:
    assert _drawn(_plain(temperature=0.5))[1] > _drawn(_plain())[1]


@pytest.mark.parametrize(
    ("changes", "possible"),
    [
        ({"top_k": 1}, {1}),
        ({"top_k": 3}, {0, 1, 3}),
        ({"top_k": 100}, set(range(7))),
        ({"top_p": 0.5}, {1}),
        ({"top_p": 0.51}, {1, 3}),
        ({"top_p": 0.0}, {1}),
        ({"top_p": 0.0, "top_k": 3}, {1}),
        ({"temperature": 1e-300}, {1}),
        ({"top_p": 0.8}, {0, 1, 3}),
        ({"min_p": 0.3}, {1, 3}),
        ({"min_p": 0.2, "top_p": 0.7}, {1, 3}),
        # of the two that top_k leaves, the first has two thirds
        ({"top_k": 2, "top_p": 0.6}, {1}),
    ],
)
def test_filters_leave_what_they_should(changes: dict[str, float], possible: set[int]) -> None:
    assert set(_drawn(_plain(**changes), 1500)) == possible


def test_top_p_counts_against_the_whole_vocabulary() -> None:
    logits = torch.zeros(5000)
    logits[42] = 5.0
    sampler = Sampler(_plain(top_p=0.5), (), CPU)
    drawn = {sampler.choose(logits.clone()) for _ in range(300)}
    assert len(drawn) > 100


def test_repetition_penalty_counts_prompt_and_answer() -> None:
    assert _drawn(_plain(temperature=0.0, repetition_penalty=9.0), 1, prompt=(1,)) == {3: 1}
    sampler = Sampler(_plain(temperature=0.0, repetition_penalty=9.0), (), CPU)
    assert [sampler.choose(LOGITS.clone()) for _ in range(3)] == [1, 3, 0]


def test_same_seed_same_choices() -> None:
    def choices(seed: int) -> list[int]:
        sampler = Sampler(_plain(seed=seed), (), CPU)
        return [sampler.choose(LOGITS.clone()) for _ in range(50)]

    before = torch.random.get_rng_state()
    assert choices(11) == choices(11)
    assert choices(11) != choices(12)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_rounding_changes_no_choice() -> None:
    """Tokens that are nearly as likely change ranks by it, and keep their luck."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6000, generator=generator).round(decimals=2)
    plain, rounded = (Sampler(_plain(top_p=0.9, seed=7), (), CPU) for _ in range(2))
    for _ in range(300):
        off = 1e-6 * torch.randn(6000, generator=generator)
        assert plain.choose(logits.clone()) == rounded.choose(logits + off)


def test_a_seed_is_drawn_where_there_is_none() -> None:
    drawn = {with_seed(Sampling(seed=None)).seed for _ in range(20)}
    assert len(drawn) == 20
    assert None not in drawn
    assert with_seed(Sampling(seed=0)).seed == 0
