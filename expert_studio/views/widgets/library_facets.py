"""What experts are searched and filtered by. Knows no widget; may be asked on any thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets import expert_facts

Facet = Callable[[InstalledExpert], Iterable[str]]
FACETS: Mapping[str, Facet] = {
    "capability": lambda expert: expert.manifest.capabilities,
    "base": lambda expert: (base.name for base in expert.manifest.base_models),
    "kind": lambda expert: (expert_facts.kind_text(expert.manifest),),
    "licence": lambda expert: (expert.manifest.license,),
}


@dataclass(frozen=True, slots=True)
class Facets:
    """Of some experts with different names."""

    texts: Mapping[str, str]  # by name, what a search looks in
    counts: Mapping[str, tuple[tuple[str, int], ...]]  # by facet, the values, most frequent first


def facets_of(experts: Sequence[InstalledExpert]) -> Facets:
    texts = {expert.name: expert_facts.search_text(expert.manifest) for expert in experts}
    counts = {
        name: tuple(Counter(v for e in experts for v in set(facet(e)) if v).most_common())
        for name, facet in FACETS.items()
    }
    return Facets(texts, counts)
