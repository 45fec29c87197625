"""A new expert's repository: data, recipe, manifest and tests, and nothing that runs.

What is written trains, is looked over and packs as it is; its rows show the form and are to
be replaced. Knows nothing of where it will lie or who is given it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from expert_studio.core.errors import StorageError, UsageError
from expert_studio.core.experts.library import TESTS_FILE
from expert_studio.core.experts.manifest import (
    TIERS,
    AdapterEntry,
    BaseEntry,
    Constraints,
    Manifest,
    Perf,
    Routing,
    write_manifest,
)
from expert_studio.core.experts.requirement import is_name
from expert_studio.core.settings import BUNDLED_BASE_NAME
from expert_studio.core.training.recipe import (
    Adapter,
    Base,
    Batches,
    Card,
    DatasetPart,
    Dependency,
    Recipe,
    Schedule,
    Watching,
    write_recipe,
)

_CAPABILITIES = ("format:text", "language:en", "tech:text", "domain:general", "task:labelling")
_ROWS = "data/train.jsonl"
_SHAPES = ("invoice", "letter", "recipe", "report")
_WORDS = {
    "invoice": ("Amount due", "Payment by", "Net total", "VAT included in", "Bill number"),
    "letter": ("Dear Ana,", "With kind regards,", "Dear Mr Lee,", "Yours truly,", "Dear all,"),
    "recipe": ("Stir in", "Bake for", "Chop", "Season with", "Whisk"),
    "report": ("We measured", "Figure 2 shows", "Results of", "The survey found", "Table 4 lists"),
}
_ENDS = (
    "the second part",
    "12 March",
    "seven of them",
    "what was left",
    "the north side",
    "page 3",
)
_IGNORED = """# what training and packing leave beside
*.partial
__pycache__/
"""


def write_scaffold(
    folder: Path,
    name: str,
    *,
    author: str = "",
    tier: str = "task",
    requires: tuple[str, ...] = (),
    base: str = BUNDLED_BASE_NAME,
    license_name: str = "Apache-2.0",
) -> tuple[str, ...]:
    """Writes the repository into a new folder and returns its files.

    Args:
        tier: format, language, technology, domain or task; decides the load order.
        requires: names of experts it is to be trained on top of.

    Raises:
        UsageError: the name or tier is none, or the folder is there already.
        StorageError: it cannot be written.
    """
    if not is_name(name) or tier not in TIERS:
        why = f"{name[:70]!r} is no name." if not is_name(name) else f"There is no tier {tier!r}."
        raise UsageError("The expert was not begun.", why, f"Tiers are {', '.join(TIERS)}.")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is there already.", "It is not empty.", "Give another folder.")
    recipe = _recipe(name, author, tier, requires, base, license_name)
    files = {
        "manifest.json": write_manifest(_manifest(recipe)).decode("utf-8"),
        "README.md": _readme(recipe),
        "LICENSE": f"SPDX-License-Identifier: {license_name}\n",
        _ROWS: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _rows()),
        TESTS_FILE: json.dumps(_cases(), indent=2, ensure_ascii=False) + "\n",
        ".gitignore": _IGNORED,
    }
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as cause:
        raise StorageError(
            f"{name} could not be begun.",
            f"{cause.strerror or cause}.",
            f"Allow writing to {folder}.",
        ) from cause
    write_recipe(recipe, folder / "recipe.json")
    return tuple(sorted([*files, "recipe.json"]))


def _recipe(
    name: str, author: str, tier: str, requires: tuple[str, ...], base: str, license_name: str
) -> Recipe:
    return Recipe(
        name=name,
        base=Base(name=base),
        adapter=Adapter(r=8, alpha=16.0),
        dependencies=tuple(Dependency(name=other) for other in requires),
        datasets=(DatasetPart(path=_ROWS),),
        schedule=Schedule(epochs=3.0, learning_rate=2e-3, warmup_steps=5),
        batches=Batches(batch_size=8, max_length=256),
        watching=Watching(eval_rows=16, eval_every=20, save_every=20, test_every=20),
        card=Card(
            description=f"Says of a line what kind of document it is from ({name}).",
            author=author or "unnamed",
            license=license_name,
            capabilities=(_CAPABILITIES[TIERS.index(tier)],),
            keywords=("kind", "document"),
            load_order=2 * TIERS.index(tier) + 1,
            limitations=("It was made from a template; its rows are samples.",),
            prompts=("What kind of document is this from?\n\nBake for 12 minutes.",),
            data="Sample rows of the template (CC0-1.0).",
        ),
    )


def _manifest(recipe: Recipe) -> Manifest:
    """As `validate` wants it before there are weights; packing writes the true one."""
    said, adapter = recipe.card, recipe.adapter
    entry = AdapterEntry(
        type="lora", target_modules=adapter.target_modules, r=adapter.r, alpha=adapter.alpha
    )
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        description=said.description,
        author=said.author,
        base_models=(
            BaseEntry(
                name=recipe.base.name,
                quantization="bf16",
                prompt_template="chatml",
                adapters=(entry,),
            ),
        ),
        capabilities=said.capabilities,
        routing=Routing(keywords=said.keywords),
        constraints=Constraints(
            load_order=said.load_order, requires=tuple(d.name for d in recipe.dependencies)
        ),
        perf=Perf(latency_ms_overhead=0, vram_mb_overhead=0, supported_batch_sizes=(1,)),
        training={
            "dataset": {"path": _ROWS, "format": "jsonl"},
            "recipe": recipe.model_dump(mode="json"),
        },
        limitations=said.limitations,
        license=said.license,
    )


def _rows() -> list[dict[str, str]]:
    """Sample rows, every combination of a beginning and an end."""
    return [
        {"instruction": _asked(f"{word} {end}."), "output": shape}
        for end in _ENDS
        for index in range(5)
        for shape in _SHAPES
        for word in (_WORDS[shape][index],)
    ]


def _cases() -> dict[str, Any]:
    lines = {
        "invoice": "Amount due at the counter.",
        "letter": "Dear Ana, it was late.",
        "recipe": "Chop the onions.",
        "report": "Figure 2 shows the rest.",
    }
    cases = [
        {"id": shape, "prompt": _asked(line), "expected": shape, "scorer": "exact"}
        for shape, line in lines.items()
    ]
    return {"schema_version": 1, "cases": cases}


def _asked(line: str) -> str:
    return f"What kind of document is this from?\n\n{line}"


def _readme(recipe: Recipe) -> str:
    return f"""# {recipe.name}

{recipe.card.description}

An expert for {recipe.base.name}. Everything here is data: no file is ever run.

| File | What it is |
| --- | --- |
| `recipe.json` | how it is trained, and what its card says |
| `data/train.jsonl` | rows to learn from, one JSON object a line: replace these samples |
| `tests/test_cases.json` | what it must answer; training asks it, and `validate` |
| `manifest.json` | written anew when it is packed |

    expert-cli train --recipe recipe.json
    expert-cli package RUN --publish .
    expert-cli validate . --lint
    expert-cli sign {recipe.name}.expert --key publisher.pem
    git tag v{recipe.version}

Others then install it with `expert-cli install git+https://HOST/PATH#v{recipe.version}`.
"""
