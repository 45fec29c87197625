"""Which files of a commit are taken, told by the tree alone: names, kinds and places.

Knows nothing of how objects come here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from expert_studio.core.errors import FetchError
from expert_studio.core.experts.git_program import Git
from expert_studio.core.experts.member_names import BadNameError, Names, shown

_LINK, _SUBMODULE = b"120000", b"160000"
_ROOT = frozenset(
    {"manifest.json", "adapter_config.json", "adapter_model.safetensors", "weights.safetensors"}
    | {"README.md", "LICENSE", "NOTICE", "license.txt", "grammar.gbnf", "signature.sig"}
)
_INDEX_ROOT = frozenset({"index.json", "publishers.json"})
_PACKAGE_FOLDERS = frozenset({"", "dist", "packages", "versions"})


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """What one fetch may bring. Sizes in bytes."""

    entries: int  # in the tree
    file_bytes: int
    total_bytes: int


EXPERT_LIMITS = TreeLimits(20_000, 1 << 30, 2 << 30)
INDEX_LIMITS = TreeLimits(50_000, 16 << 20, 256 << 20)


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One regular file of a commit."""

    path: PurePosixPath
    digest: str  # Git's object name, 40 hex


def read_tree(git: Git, commit: str, subfolder: str, limits: TreeLimits) -> tuple[TreeFile, ...]:
    """Every file of a commit, or of one folder of it.

    Raises:
        FetchError: there is no such folder, or there is a link, a submodule, a name that is no
            name everywhere, or too much.
    """
    tree = f"{commit}:{subfolder}" if subfolder else commit
    try:
        listed = git.local("ls-tree", "-r", "-z", "--full-tree", tree)
    except FetchError as cause:
        raise FetchError(f"The repository has no folder {subfolder!r}.") from cause
    rows = [row for row in listed.split(b"\0") if row]
    if len(rows) > limits.entries:
        raise FetchError("The repository was not used.", f"It holds {len(rows):,} files.")
    files = []
    for row in rows:
        head, _, name = row.partition(b"\t")
        mode, _, digest = head.split(b" ")
        text = name.decode("utf-8", "surrogateescape")
        if mode == _LINK:
            raise FetchError(
                "The repository was not used.",
                f"It holds a link, {shown(text)}; experts are plain files.",
                "Ask its maker to put the file itself there.",
            )
        if mode == _SUBMODULE:
            raise FetchError(
                "The repository was not used.",
                f"It holds another repository, {shown(text)}; submodules are not followed.",
                "Ask its maker to put the files themselves there.",
            )
        files.append(TreeFile(PurePosixPath(text), digest.decode("ascii")))
    return tuple(files)


def chosen(git: Git, tree: Iterable[TreeFile], is_index: bool) -> tuple[TreeFile, ...]:
    """The files an index or an expert is made of; the rest is never asked for.

    Of an expert: its manifest, its weights if they lie there loose, else its `.expert` file of
    the manifest's version, and what a package may hold beside.

    Raises:
        FetchError: there is no index or no expert, or a name is no name everywhere.
    """
    files = tuple(tree)
    taken = [f for f in files if (_of_index(f.path) if is_index else _of_expert(f.path))]
    if not is_index:
        taken = _with_weights(git, taken)
    names = Names()
    try:
        for file in taken:
            names.accept(str(file.path))
    except BadNameError as cause:
        raise FetchError("The repository was not used.", str(cause)) from cause
    needed = "index.json" if is_index else "manifest.json"
    if not any(str(f.path) == needed for f in taken) and not any(map(_is_package, taken)):
        raise FetchError(
            "The repository was not used.",
            f"There is no {needed} in it.",
            "Name the folder it lies in: #tag:folder.",
        )
    return tuple(taken)


def _of_index(path: PurePosixPath) -> bool:
    if str(path) in _INDEX_ROOT:
        return True
    folder = str(path.parent)
    return folder in ("experts", "categories") and path.suffix == ".json"


def _of_expert(path: PurePosixPath) -> bool:
    first = path.parts[0]
    if len(path.parts) == 1:
        return first in _ROOT or path.name.endswith((".expert", ".expert.sha256"))
    if first == "weights":
        return path.suffix == ".safetensors" or path.name == "adapter_config.json"
    if first == "soft_prompts":
        return path.suffix == ".safetensors"
    if first == "tests":
        return path.suffix in (".json", ".jsonl") and len(path.parts) == 2
    return len(path.parts) == 2 and first in _PACKAGE_FOLDERS and ".expert" in path.name


def _is_package(file: TreeFile) -> bool:
    return file.path.suffix == ".expert"


def _with_weights(git: Git, files: list[TreeFile]) -> list[TreeFile]:
    """Loose weights are enough; else the packages of the manifest's version, or the only one."""
    packed = [f for f in files if ".expert" in f.path.name]
    loose = [f for f in files if f not in packed]
    if any(f.path.suffix == ".safetensors" for f in loose):
        return loose
    packages = [f for f in packed if _is_package(f)]
    if len(packages) > 1:
        version = re.escape(_stated_version(git, loose))
        spelled = re.compile(rf"(?<![0-9.]){version}(?![0-9.]*[0-9])")
        fitting = [f for f in packages if version and spelled.search(f.path.name)]
        packages = fitting or packages
    if not packages:
        return loose
    kept = {str(f.path) for f in packages}
    sidecars = [f for f in packed if str(f.path).removesuffix(".sha256") in kept]
    return [*(f for f in loose if str(f.path) == "manifest.json"), *dict.fromkeys(sidecars)]


def _stated_version(git: Git, files: Iterable[TreeFile]) -> str:
    for file in files:
        if str(file.path) == "manifest.json":
            try:
                said = json.loads(git.local("cat-file", "blob", file.digest))
                return str(said.get("version", ""))
            except (ValueError, AttributeError, RecursionError):
                return ""
    return ""
