"""Real Git repositories on this disk, for tests: experts, and marketplaces that list them.

repository = GitFolder(tmp_path / "json-parser")
repository.commit({"manifest.json": b"..."}, tag="v1.0.0")
repository.source      # git+file:///...
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.expert_factory import expert_folder

ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "tests",
    "GIT_AUTHOR_EMAIL": "tests@localhost",
    "GIT_COMMITTER_NAME": "tests",
    "GIT_COMMITTER_EMAIL": "tests@localhost",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


class GitFolder:
    """A repository with its files checked out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def source(self) -> str:
        return f"git+file://{self.folder.as_posix()}"

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=os.environ | ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, files: Mapping[str, bytes | str], tag: str = "") -> str:
        """Replaces nothing, adds or changes these files; returns the commit."""
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return self.record(tag)

    def record(self, tag: str = "") -> str:
        """Commits the folder as it is."""
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", "As it is")
        if tag:
            self.git("tag", tag)
        return self.git("rev-parse", "HEAD")


def expert_repository(
    folder: Path, name: str = "json-parser", versions: Sequence[str] = ("1.0.0",), **keywords: Any
) -> GitFolder:
    """A repository of one loose expert with a tag for each version."""
    repository = GitFolder(folder)
    for seed, version in enumerate(versions):
        expert_folder(repository.folder, name, version, seed=seed, **keywords)
        repository.record(f"v{version}")
    return repository


def marketplace_repository(
    folder: Path, entries: Sequence[Mapping[str, Any]], **files: Any
) -> GitFolder:
    """A marketplace of these entries; `files` are more JSON files, by stem."""
    repository = GitFolder(folder)
    write_marketplace(repository, entries, **files)
    return repository


def write_marketplace(
    repository: GitFolder, entries: Sequence[Mapping[str, Any]], **files: Any
) -> str:
    shutil.rmtree(repository.folder / "experts", ignore_errors=True)
    rows = [
        {"name": e["name"], "repository": e["repository"], "latest": e.get("latest_version", "")}
        for e in entries
    ]
    said: dict[str, Any] = {
        "index.json": {"version": "1", "experts_count": len(rows), "experts": rows}
    }
    said |= {f"experts/{entry['name']}.json": entry for entry in entries}
    said |= {f"{stem.replace('__', '/')}.json": content for stem, content in files.items()}
    return repository.commit(
        {name: json.dumps(content, indent=2) for name, content in said.items()}
    )
