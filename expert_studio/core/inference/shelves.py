"""Experts given by path beside those the person has, and those that ship with the app.

Paths are installed into a folder of their own, never into the person's library. Knows
nothing of engines or of what is in memory.
"""

from __future__ import annotations

from pathlib import Path

from expert_studio.core import settings
from expert_studio.core.errors import LibraryError, LoadError
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.requirement import name_key, parse_requirement
from expert_studio.core.inference.conversation import BaseDescription


class Shelves(Library):
    """Experts given by path, in a folder of their own, before those the person has."""

    def __init__(self, root: Path, persons: Library) -> None:
        super().__init__(root)
        self._persons = persons

    def favour(self, base_name: str, base_sha256: str) -> bool:
        self._persons.favour(base_name, base_sha256)
        return super().favour(base_name, base_sha256)

    def experts(self) -> tuple[InstalledExpert, ...]:
        own = super().experts()
        names = {name_key(expert.name) for expert in own}
        return own + tuple(e for e in self._persons.experts() if name_key(e.name) not in names)

    def find(self, name: str) -> InstalledExpert:
        own = {name_key(expert.name): expert for expert in super().experts()}
        return own.get(name_key(name)) or self._persons.find(name)

    def found(self, path_or_name: str | Path, base: BaseDescription) -> InstalledExpert:
        path = Path(path_or_name)
        said = str(path_or_name)
        if (
            isinstance(path_or_name, Path)
            or path.suffix == ".expert"
            or "/" in said
            or "\\" in said
        ):
            if not path.exists():
                raise LoadError(f"There is no expert at {path}.", "", "Look for its right place.")
            made = install(path, self, base.name, base.sha256, base.folder).expert
            return self.activate(made.name, made.version)
        try:
            return self.find(said)
        except LibraryError:
            if (shipped := shipped_package(said)) is None:
                raise
            return install(shipped, self).expert

    def bring_what_ships(self, expert: InstalledExpert) -> None:
        """Dependencies that are not installed but ship with the app."""
        for text in expert.manifest.needs:
            need = parse_requirement(text)
            known = any(need.names(other.name) for other in self.experts())
            if not known and (shipped := shipped_package(need.name)) is not None:
                self.bring_what_ships(install(shipped, self).expert)


def shipped_package(name: str) -> Path | None:
    """The package of an expert that ships with the app."""
    packages = settings.bundled_experts_folder().glob("*/*.expert")
    return next((p for p in packages if name_key(p.stem) == name_key(name)), None)
