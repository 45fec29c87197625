"""Which of a hub repository's files make a base: strict names, safetensors, complete shards.

Knows nothing of addresses or disks. What is not named here is never asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from expert_studio.core.errors import DownloadError

_SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")
_SIDE_FILES = frozenset(
    {
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
        "vocab.json",
        "merges.txt",
        "LICENSE",
        "README.md",
    }
)


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a base at one commit."""

    name: str
    size_bytes: int
    sha256: str  # of the content; "" where the hub only knows the git blob
    git_sha1: str  # of "blob SIZE\\0" and the content; "" for large files


def wanted_files(files: Sequence[HubFile | None], repo: str) -> tuple[HubFile, ...]:
    """Those worth having, small ones first, so that a base is refused before its weights come.

    Raises:
        DownloadError: no safetensors, no config, no tokenizer, or a shard is missing.
    """
    by_name = {file.name: file for file in files if file is not None}
    shards = {name: match for name in by_name if (match := _SHARD.fullmatch(name))}
    if "model.safetensors" in by_name:
        weights = {"model.safetensors"}
    else:
        weights = set(shards)
        expected = {int(match[2]) for match in shards.values()}
        if shards and (expected != {len(shards)} or "model.safetensors.index.json" not in by_name):
            raise DownloadError(
                f"{repo} is not complete.",
                f"It has {len(shards)} of {max(expected)} weight files.",
                "Choose another revision.",
            )
        weights |= {"model.safetensors.index.json"} if shards else set()
    for needed, why in (
        (
            bool(weights),
            "It has no safetensors weights, and other formats can carry programs.",
        ),
        ("config.json" in by_name, "It has no config.json."),
        ("tokenizer.json" in by_name, "It has no tokenizer.json."),
    ):
        if not needed:
            raise DownloadError(
                f"{repo} cannot be used as a base.",
                why,
                "Choose another base or revision.",
            )
    chosen = [by_name[name] for name in by_name if name in _SIDE_FILES or name in weights]
    return tuple(sorted(chosen, key=lambda file: (file.name.endswith(".safetensors"), file.name)))
