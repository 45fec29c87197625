"""A preference pair: one prompt, an answer to prefer and one to reject.

What DPO learns from (Rafailov et al. 2023, arXiv 2305.18290). Knows nothing of files.
"""

from __future__ import annotations

from dataclasses import dataclass

from expert_studio.core.datasets.examples import Scorer, Turn


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two answers to one prompt; the other attributes as `examples.Example` has them.

    Attributes:
        prompt: what was said before the answer; the last turn is the user's.
        flaw: what is wrong with the rejected answer, as a name ("wrong type"); empty if unsaid.
    """

    prompt: tuple[Turn, ...]
    chosen: str
    rejected: str
    identifier: str = ""
    family: str = ""
    source: str = ""
    license: str = ""
    scorer: Scorer = "exact"
    task: str = ""
    difficulty: str = ""
    check: str = ""
    flaw: str = ""
