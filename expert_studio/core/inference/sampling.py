"""Chooses the next token from logits, reproducibly by seed.

Knows nothing of text, models or stacks. Filters run in the order transformers
runs them: repetition penalty, temperature, top_k, top_p, min_p.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from expert_studio.core.inference.conversation import Sampling

SEED_BITS = 31
GREEDY_BELOW = 1e-5  # of temperature: the likeliest token has all the probability by then
LEAST_TOP_P = 1e-9  # the likeliest token always stays
CANDIDATES = 512  # sorted first when only top_p limits the choice: nearly always enough


def with_seed(sampling: Sampling) -> Sampling:
    """The same sampling with a seed drawn where it had none."""
    if sampling.seed is not None:
        return sampling
    return replace(sampling, seed=secrets.randbits(SEED_BITS))


class Sampler:
    """One answer's choices. Draws from a generator of its own, never from torch's global one.

    Luck belongs to a token's id, not to its rank: where rounding makes two tokens change places
    (a prompt read in other pieces, another device), the same one is chosen all the same.
    """

    def __init__(self, sampling: Sampling, prompt: Sequence[int], device: torch.device) -> None:
        """`sampling.seed` must be set; `prompt` counts as said for the repetition penalty."""
        self._sampling = sampling
        self._random = random.Random(sampling.seed or 0)
        self._said = torch.tensor(sorted(set(prompt)), dtype=torch.int64, device=device)
        self._known = set(prompt)

    def choose(self, logits: Tensor) -> int:
        """logits: (vocabulary,) float32; may be changed in place. Returns the token's id."""
        sampling = self._sampling
        if sampling.repetition_penalty != 1.0:
            self._penalise(logits)
        if sampling.temperature < GREEDY_BELOW:
            return self._say(int(logits.argmax()))
        probabilities, ids = self._candidates(logits / sampling.temperature)
        if sampling.top_p < 1.0:
            before = probabilities.cumsum(-1) - probabilities
            probabilities[before >= max(sampling.top_p, LEAST_TOP_P)] = 0.0
        if sampling.min_p > 0.0:
            probabilities[probabilities < sampling.min_p * probabilities.max()] = 0.0
        named = ids.cpu().numpy()
        waits = exponentials(named, self._random.getrandbits(32))
        first = int((probabilities.cpu().numpy() / waits).argmax())  # the race is won by p / wait
        return self._say(int(named[first]))

    def note(self, token: int) -> None:
        """A token was said without being chosen."""
        self._say(token)

    def _candidates(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities and ids of all tokens the filters could keep.

        Highest first wherever top_p needs it so. After top_k the probabilities are of
        those that are left; top_p alone counts against the whole vocabulary.
        """
        sampling, vocabulary = self._sampling, logits.numel()
        if sampling.top_k > 0:
            values, ids = logits.topk(min(sampling.top_k, vocabulary))
            return torch.softmax(values, dim=-1), ids
        everything = torch.softmax(logits, dim=-1)
        if sampling.top_p >= 1.0:
            return everything, torch.arange(vocabulary, device=logits.device)
        probabilities, ids = everything.topk(min(CANDIDATES, vocabulary))
        if float(probabilities.sum()) >= sampling.top_p:
            return probabilities, ids
        return everything.sort(descending=True)

    def _penalise(self, logits: Tensor) -> None:
        penalty = self._sampling.repetition_penalty
        said = logits[self._said]
        logits[self._said] = torch.where(said > 0, said / penalty, said * penalty)

    def _say(self, token: int) -> int:
        if token not in self._known and self._sampling.repetition_penalty != 1.0:
            self._known.add(token)
            addition = torch.tensor([token], dtype=torch.int64, device=self._said.device)
            self._said = torch.cat((self._said, addition))
        return token


def exponentials(ids: NDArray[np.int64], key: int) -> NDArray[np.float64]:
    """For each id a number of the unit exponential distribution, made of id and key (32 bits)."""
    mixed = _mixed(_mixed(ids.astype(np.uint32)) ^ np.uint32(key))
    waits: NDArray[np.float64] = -np.log((mixed + 0.5) / 2.0**32)
    return waits


def _mixed(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """A bijection of 32 bits in which each depends on all (Wellons' lowbias32)."""
    bits = bits ^ (bits >> np.uint32(16))
    bits = bits * np.uint32(0x7FEB352D)
    bits = bits ^ (bits >> np.uint32(15))
    bits = bits * np.uint32(0x846CA68B)
    return bits ^ (bits >> np.uint32(16))
