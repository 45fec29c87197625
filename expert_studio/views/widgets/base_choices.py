"""Which bases can be used or fetched, read from disk beside the window. Knows no widget.

The bundled one, those fetched from the hub, a folder of the person's own, and the ones
this version knows by pinned revision. Torch-free: nothing is loaded to list it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from expert_studio.core.errors import LoadError
from expert_studio.core.inference.base_model_files import weight_files
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.inference.download import base_destination, fetched_bases
from expert_studio.core.inference.hub import KNOWN_BASES
from expert_studio.core.settings import BUNDLED_BASE, BUNDLED_BASE_NAME, Folders


@dataclass(frozen=True, slots=True)
class BaseChoice:
    """One line of the list of bases."""

    name: str
    setting: str  # what Settings.base becomes when it is chosen; "" while it is not here
    repo: str = ""  # where it comes from, for those of the hub
    revision: str = ""
    size_bytes: int = 0  # on disk, or to fetch
    kept_bytes: int = 0  # of a fetch that was stopped
    license: str = ""

    @property
    def is_here(self) -> bool:
        return bool(self.setting)


@dataclass(frozen=True, slots=True)
class BaseChoices:
    """All there is to choose from, and the room on the disk."""

    bases: tuple[BaseChoice, ...]
    free_bytes: int


def read_base_choices(folders: Folders, chosen: str) -> BaseChoices:
    """Lists the bases; `chosen` is `Settings.base`.

    Raises:
        DownloadError: a fetched base's record is damaged.
    """
    bundled = folders.bundled_base
    found = [BaseChoice(BUNDLED_BASE_NAME, BUNDLED_BASE, size_bytes=_size(bundled))]
    fetched = {base.repo: base for base in fetched_bases(folders.bases)}
    for known in KNOWN_BASES:
        if known.repo not in fetched:
            kept = _kept(base_destination(folders.bases, known.repo))
            found.append(
                BaseChoice(
                    known.repo.split("/")[1],
                    "",
                    known.repo,
                    known.revision,
                    known.download_bytes,
                    kept,
                    known.license,
                )
            )
    found += [
        BaseChoice(
            base.repo.split("/")[1], str(base.folder), base.repo, base.revision, base.size_bytes
        )
        for base in fetched.values()
    ]
    if chosen not in {base.setting for base in found}:
        own = Path(chosen)
        found.append(BaseChoice(own.name, chosen, size_bytes=_size(own)))
    found.sort(key=lambda base: not base.is_here)
    return BaseChoices(tuple(found), _free(folders.data))


def check_base_folder(folder: Path) -> Path:
    """Whether a folder looks like a base that can be loaded; returns it.

    Raises:
        LoadError: something a base needs is missing, or its architecture is another.
    """
    read_shape(folder)
    if not (folder / "tokenizer.json").is_file():
        raise LoadError(
            f"{folder.name} cannot be used as a base.",
            "There is no tokenizer.json in it.",
            "Choose a folder as Hugging Face keeps models: config, tokenizer, safetensors.",
        )
    weight_files(folder)
    return folder


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError:
        return 0  # gone since it was chosen; loading it says so


def _kept(destination: Path) -> int:
    """Bytes that stopped fetches to a destination have left."""
    return sum(map(_size, destination.parent.glob(f".{destination.name}.*.staging")))


def _free(folder: Path) -> int:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free
