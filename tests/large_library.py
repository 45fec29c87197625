"""Libraries of hundreds of experts for tests and pictures: real folders, one set of weights.

fill_library(Library(root), 200)      # needs, conflicts and a few that are missing
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

from expert_studio.core.experts.install_record import write_record
from expert_studio.core.experts.library import Library
from tests.expert_factory import expert_folder

SUBJECTS = (
    ("format", ("json", "yaml", "csv", "xml", "toml", "html", "markdown", "latex")),
    ("language", ("english", "german", "french", "spanish", "polish", "italian", "czech")),
    ("tech", ("python", "rust", "cypher", "sql", "bash", "docker", "react", "kotlin")),
    ("domain", ("law", "medicine", "finance", "physics", "history", "biology", "sport")),
    ("task", ("classify", "summarize", "extract", "translate", "review", "answer", "plan")),
)
LICENCES = ("Apache-2.0", "MIT", "CC-BY-4.0")
ENDINGS = ("basic", "pro", "short", "strict", "notes", "mail", "forms", "code")


def fill_library(library: Library, count: int, seed: int = 1) -> tuple[str, ...]:
    """Puts `count` experts in, without installing them one by one; returns their names."""
    chance = random.Random(seed)
    loose = expert_folder(library.root / ".loose", "json-parser", rank=4)
    said = json.loads((loose / "manifest.json").read_text(encoding="utf-8"))
    by_tier: list[list[str]] = [[] for _ in SUBJECTS]
    names: list[str] = []
    for number in range(count):
        tier = number % len(SUBJECTS)
        kind, subjects = SUBJECTS[tier]
        subject = subjects[(number // 5) % len(subjects)]
        ending = ENDINGS[(number // 5 // len(subjects)) % len(ENDINGS)]
        name = f"{subject}-{ending}" if number < 250 else f"{subject}-{ending}-{number}"
        while name in names:
            name += f"-{number}"
        manifest = said | {
            "name": name,
            "version": f"1.{number % 4}.0",
            "description": f"{ending.capitalize()} work on {subject}, in short texts and long.",
            "license": LICENCES[number % 3],
            "capabilities": [f"{kind}:{subject}"],
            "constraints": _constraints(chance, by_tier, tier, number),
            "quality_metrics": {
                "main_metric": "exact",
                "benchmark_score": round(chance.uniform(0.4, 0.97), 3),
            },
        }
        _write(library, loose, name, manifest)
        by_tier[tier].append(name)
        names.append(name)
    return tuple(names)


def _constraints(
    chance: random.Random, by_tier: list[list[str]], tier: int, number: int
) -> dict[str, Any]:
    lower = [name for names in by_tier[:tier] for name in names]
    needed = chance.sample(lower, min(len(lower), chance.choice((0, 1, 1, 2))))
    requires = [f"{name}@>=1.0.0" for name in needed]
    if number % 60 == 33:
        requires.append("glossary-basic@>=1.0.0")  # nowhere
    if number % 70 == 44 and lower:
        requires.append(f"{lower[0]}@>=9.0.0")
    rivals = by_tier[tier][-1:] if number % 50 == 27 else []
    return {
        "max_chain": 10,
        "load_order": 2 * tier + 1 + number % 2,
        "requires": list(dict.fromkeys(requires)),
        "incompatible_with": rivals,
    }


def _write(library: Library, loose: Path, name: str, manifest: dict[str, Any]) -> None:
    folder = library.experts_folder / name / str(manifest["version"])
    folder.mkdir(parents=True)
    for file in ("adapter_model.safetensors", "adapter_config.json"):
        os.link(loose / file, folder / file)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    write_record(folder, "0" * 64)
