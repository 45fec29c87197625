"""Decoding parameters: caller, then manifest, then defaults, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from expert_studio.core.errors import UsageError
from expert_studio.core.experts.manifest import Manifest, read_manifest
from expert_studio.core.inference.conversation import Sampling
from expert_studio.core.inference.decoding import sampling_for


def _manifest(decoding: Any) -> Manifest:
    said = {
        "name": "odd",
        "version": "1.0.0",
        "schema_version": "2.0",
        "constraints": {"load_order": 3},
        "training": {"decoding": decoding},
    }
    return read_manifest(json.dumps(said).encode(), "here")[0]


def test_caller_before_manifest_before_defaults() -> None:
    early = _manifest({"temperature": 0.2, "top_p": 0.9, "stop_sequences": ["\n\n"]})
    late = _manifest({"temperature": 0, "top_k": 5})
    assert sampling_for({}) == Sampling()
    assert sampling_for({}, [early, late]) == Sampling(
        temperature=0.0, top_p=0.9, top_k=5, stop=("\n\n",)
    )
    asked = {"temperature": 1.0, "top_p": None, "stop": (), "seed": 4}
    assert sampling_for(asked, [early, late]) == Sampling(
        temperature=1.0, top_p=0.9, top_k=5, stop=(), seed=4
    )
    assert sampling_for({}, [late], Sampling(max_tokens=9)).max_tokens == 9


@pytest.mark.parametrize(
    "decoding",
    [
        None,
        "greedy",
        {"temperature": 9, "top_p": 0, "top_k": -1, "min_p": "low", "repetition_penalty": True},
        {"stop_sequences": [3, "", "x" * 300], "validation_cmd": "rm -rf /", "max_tokens": 0},
        {"stop_sequences": "###", "use_grammar": True},
    ],
)
def test_a_manifest_that_asks_for_nonsense_is_passed_over(decoding: Any) -> None:
    assert sampling_for({}, [_manifest(decoding)]) == Sampling()


def test_an_unknown_parameter_of_the_caller_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="beams is no decoding parameter"):
        sampling_for({"beams": 4})
