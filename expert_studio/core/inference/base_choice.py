"""Which base a person means by a word, and which one a folder holds.

Torch-free. Knows nothing of how a base is fetched or loaded.
"""

from __future__ import annotations

from pathlib import Path

from expert_studio.core import settings
from expert_studio.core.errors import UsageError
from expert_studio.core.inference.base_model_files import base_name, base_sha256, weight_files
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.settings import Folders


def base_folder(wanted: str | Path | None, folders: Folders) -> Path:
    """The folder of a base: `bundled`, a folder, the name of a fetched one; None as in settings.

    Raises:
        UsageError: there is no such folder and no fetched base of that name.
        SettingsError: the settings cannot be read.
    """
    if wanted is None:
        return settings.load(folders).base_folder(folders)
    if wanted == settings.BUNDLED_BASE:
        return folders.bundled_base
    if Path(wanted).is_dir():
        return Path(wanted)
    # Imported here: what fetches from a hub takes a tenth of a second, and few ask for it.
    from expert_studio.core.inference.download import fetched_bases

    for base in fetched_bases(folders.bases):
        if str(wanted).lower() in {base.repo.lower(), base.folder.name.lower()}:
            return base.folder
    raise UsageError(
        f"There is no base {str(wanted)!r}.",
        "It is neither a folder nor the name of a base that was fetched.",
        "See: expert-cli base list",
    )


def base_identity(folder: Path) -> tuple[str, str]:
    """A base's name as manifests spell it, and its weights' SHA-256.

    Raises:
        LoadError: the folder holds no whole base.
    """
    read_shape(folder)
    return base_name(folder), base_sha256(weight_files(folder), lambda _fraction: None)
