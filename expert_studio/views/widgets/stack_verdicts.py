"""What the experts' own measurements say of a stack, as sentences. Knows no engine.

Nothing is said of what nobody measured.
"""

from __future__ import annotations

from collections.abc import Mapping

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.inference.stack import Stack


def verdicts(stack: Stack, experts: Mapping[str, InstalledExpert]) -> tuple[str, ...]:
    """One sentence for each expert that does worse in this stack than a part of it.

    Args:
        experts: by name, those that are installed.
    """
    if not stack.members:
        return ()
    # half a second to import, and only of use once an expert is ticked
    from expert_studio.core.training.company import costs_in
    from expert_studio.core.training.fallback import fallback_in

    at_work = {member.name for member in stack.members if member.weight}
    found = []
    for member in stack.members:
        expert = experts.get(member.name)
        if expert is None or not member.weight:
            continue
        fallback = fallback_in(expert.manifest)
        if fallback is not None and (fallback.use != "without_dependencies" or len(at_work) > 1):
            found.append(fallback.text)
        if not member.required_by:  # what serves another is not judged by its own tests
            found.extend(costs_in(expert.manifest, sorted(at_work - {member.name}))[:1])
    return tuple(found)
