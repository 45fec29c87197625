"""The bundled experts where they are packed, else three tiny real ones under the same names."""

from __future__ import annotations

from pathlib import Path

from expert_studio.core.experts.library import Library
from expert_studio.core.settings import bundled_experts_folder
from tests.expert_factory import expert_file, installed_expert

TRAINED_WEIGHT = 1.0


def tiny_experts(folder: Path) -> Path:
    """Packs json-parser, english-basic and document-classifier (which needs json-parser).

    Laid out as `experts/` is: `<folder>/<name>/<name>.expert`. Random weights on the
    shapes of the bundled base: they change its answers, not for the better.
    """
    scratch = Library(folder / "scratch")
    json_parser = installed_expert(scratch, "json-parser", description=_SAID["json-parser"])
    expert_file(folder / "json-parser", "json-parser", description=_SAID["json-parser"])
    expert_file(
        folder / "english-basic",
        "english-basic",
        load_order=3,
        seed=1,
        description=_SAID["english-basic"],
    )
    expert_file(
        folder / "document-classifier",
        "document-classifier",
        load_order=9,
        seed=2,
        requires=("json-parser@>=1.0.0",),
        trained_with=((json_parser, TRAINED_WEIGHT),),
        description=_SAID["document-classifier"],
    )
    return folder


def experts_to_show(folder: Path) -> Path:
    """The real bundled experts, or `tiny_experts` in `folder` where fewer than two are packed."""
    bundled = bundled_experts_folder()
    packed = list(bundled.glob("*/*.expert"))
    return bundled if len(packed) > 1 else tiny_experts(folder)


_SAID = {
    "json-parser": "Extracts fields, repairs and converts JSON",
    "english-basic": "Corrects, rephrases, answers from a passage",
    "document-classifier": "Type, language and technologies of a document",
}
