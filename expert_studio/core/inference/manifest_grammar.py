"""Which constraint a stack's experts ask for in their manifests, if any.

A manifest's `training.decoding` and the grammar file in a package are untrusted: they are read
as text within caps and never run. Whether a grammar can be used is tried where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.inference.constraint import MOST_CHARACTERS, Constraint
from expert_studio.core.inference.stack import Stack, StackMember

GRAMMAR_FILE = "grammar.gbnf"
ANY_JSON = Constraint("json_schema", '{"type": ["object", "array"]}')
_MOST_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class AskedGrammar:
    """A constraint and the expert that asks for it."""

    expert: str
    constraint: Constraint


def asked_grammar(stack: Stack, experts: Mapping[str, InstalledExpert]) -> AskedGrammar | None:
    """The constraint of the dominant expert that asks for one; None where none does.

    An expert that another of the stack was trained on does not ask: what builds on it answers.
    Of several that ask, the strongest does, and of equals the last in load order.

    Args:
        experts: by name.
    """
    found: tuple[float, AskedGrammar] | None = None
    for member in stack.members:
        if member.name not in experts or not member.weight or _built_upon(member, stack):
            continue
        constraint = manifest_grammar(experts[member.name])
        if constraint is not None and (found is None or abs(member.weight) >= found[0]):
            found = (abs(member.weight), AskedGrammar(member.name, constraint))
    return None if found is None else found[1]


def manifest_grammar(expert: InstalledExpert) -> Constraint | None:
    """What `decoding.use_grammar` asks for: the package's grammar, or any JSON.

    None where it asks for nothing, or where the file is not there or not to be read.
    """
    stated = (expert.manifest.training or {}).get("decoding")
    if not isinstance(stated, dict) or stated.get("use_grammar") is not True:
        return None
    name = stated.get("grammar_file")
    source = _source(expert.folder, name if isinstance(name, str) else GRAMMAR_FILE)
    if source is None and name != GRAMMAR_FILE:
        source = _source(expert.folder, GRAMMAR_FILE)
    if source is not None:
        return Constraint("gbnf", source)
    return ANY_JSON if stated.get("grammar_type") == "json" else None


def _built_upon(member: StackMember, stack: Stack) -> bool:
    return any(other.name in member.required_by for other in stack.members)


@lru_cache(maxsize=64)
def _source(folder: Path, name: str) -> str | None:
    """The text of a package's file; a version's folder never changes, so it is read once.

    Packages are flat: whatever folder a manifest names, the file lies at the root.
    """
    base = PurePosixPath(name.replace("\\", "/")).name
    if not base or base in (".", "..") or len(base) > _MOST_NAME_CHARACTERS or "\0" in base:
        return None
    path = folder / base
    most = MOST_CHARACTERS["gbnf"]
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 4 * most:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
