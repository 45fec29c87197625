"""The person's choices, and where experts, bases, runs, datasets and conversations live.

Knows nothing of what those folders hold. Folders follow the platform's habits
(platformdirs); `EXPERT_STUDIO_HOME` puts everything under one folder instead,
which is what tests and portable installs use.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs

from expert_studio.core.errors import SettingsError, StorageError

Theme = Literal["light", "dark", "system"]
Quantization = Literal["bf16", "fp32", "nf4", "int8", "int4"]
KVFormat = Literal["native", "int8", "int4"]  # native: as the base computes
UnsignedPolicy = Literal["ask", "always", "never"]
HOME_VARIABLE = "EXPERT_STUDIO_HOME"
DATA_POINTER = "data"  # the key in `pointer_file` that names the data folder
BUNDLED_BASE = "bundled"  # how the settings and `--base` call it
BUNDLED_BASE_NAME = "expert-base-12m"  # how manifests and recipes call it


def resources_folder() -> Path:
    """The folder with the bundled base, icons and fonts that ship with the app."""
    beside_package = Path(__file__).resolve().parents[2] / "resources"
    inside_package = Path(__file__).resolve().parents[1] / "_resources"
    return beside_package if beside_package.is_dir() else inside_package


def bundled_experts_folder() -> Path:
    """The folder whose sub-folders each hold one bundled expert and its `.expert` file."""
    beside_package = Path(__file__).resolve().parents[2] / "experts"
    inside_package = Path(__file__).resolve().parents[1] / "_experts"
    return beside_package if beside_package.is_dir() else inside_package


def pointer_file() -> Path:
    """Where a data folder that the person chose is noted: outside of any data folder."""
    return Path(platformdirs.user_config_dir("expert-studio", appauthor=False)) / "data-folder.json"


def _pointed_to() -> Path | None:
    try:
        noted = json.loads(pointer_file().read_text(encoding="utf-8"))
        chosen = noted[DATA_POINTER]
        return Path(chosen) if isinstance(chosen, str) and chosen else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Folders:
    """Where one data folder keeps its parts. Nothing is created until asked for."""

    data: Path

    @classmethod
    def default(cls) -> Self:
        home = os.environ.get(HOME_VARIABLE)
        if home:
            return cls(Path(home).expanduser().resolve())
        chosen = _pointed_to()
        if chosen is not None:
            return cls(chosen)
        return cls(Path(platformdirs.user_data_dir("expert-studio", appauthor=False)))

    @property
    def library(self) -> Path:
        return self.data / "library"

    @property
    def bases(self) -> Path:
        return self.data / "bases"

    @property
    def runs(self) -> Path:
        return self.data / "runs"

    @property
    def datasets(self) -> Path:
        return self.data / "datasets"

    @property
    def database(self) -> Path:
        return self.data / "studio.sqlite3"

    @property
    def settings_file(self) -> Path:
        return self.data / "settings.json"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def bundled_base(self) -> Path:
        return resources_folder() / "base"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the person chose. A frozen value: change one with `dataclasses.replace`."""

    theme: Theme = "system"
    base: str = BUNDLED_BASE  # BUNDLED_BASE or the path of a Hugging Face folder
    quantization: Quantization = "bf16"
    device: str = "auto"  # auto, cpu, mps, cuda, cuda:N
    kv: KVFormat = "native"  # how keys and values are kept
    context: int = 0  # tokens; 0 is the base's own, more than that is reached by YaRN
    cache_mb: int = 0  # for keys and values of earlier texts, in MiB; 0 is a share of the memory
    unsigned_packages: UnsignedPolicy = "ask"  # whether packages nobody signed are installed
    first_run_done: bool = False
    tour_done: bool = False  # the three steps were taken or skipped
    reduced_motion: bool = False
    font_percent: int = 100  # of the sizes in the theme
    offline: bool = False  # nothing leaves this machine
    corrections: str = ""  # the dataset that what is said of answers goes to; "" asks first
    window_geometry: str = ""  # base64 of QWidget.saveGeometry()
    window_page: str = ""  # the page in front when the window was closed
    window_splits: str = ""  # of its splitters, as the window wrote it

    def base_folder(self, folders: Folders) -> Path:
        """The folder of the chosen base (the bundled one when none was chosen)."""
        return folders.bundled_base if self.base == BUNDLED_BASE else Path(self.base)


def load(folders: Folders) -> Settings:
    """Reads the settings file; what it lacks takes the default, unknown keys are ignored.

    Raises:
        SettingsError: the file is there but cannot be read as settings.
    """
    path = folders.settings_file
    if not path.exists():
        return Settings()
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(Settings)}
        return replace(Settings(), **{k: v for k, v in stored.items() if k in known})
    except (OSError, ValueError, AttributeError, TypeError) as cause:
        raise SettingsError(
            f"The settings in {path} could not be read.",
            f"{cause}.",
            "Delete the file to start again with the defaults; nothing else is lost.",
        ) from cause


def save(settings: Settings, folders: Folders) -> None:
    """Writes the settings by one rename, so that a crash leaves the old ones.

    Raises:
        StorageError: the data folder cannot be written.
    """
    path = folders.settings_file
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(asdict(settings), indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise StorageError(
            "Your settings could not be saved.",
            f"{cause.strerror or cause}.",
            f"Free some space or allow writing to {path.parent}.",
        ) from cause
