"""What holds of every manifest, version spec and archive, sound or mangled: by generated cases.

Some 250 cases always; 50,000 with `pytest -m long`, in parts of 500, each with a seed of its
own: what was interrupted goes on with `--stepwise`.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from expert_studio.core.errors import ArchiveError, DependencyError, ManifestError
from expert_studio.core.experts import archive
from expert_studio.core.experts.manifest import manifest_as_json, read_manifest, write_manifest
from expert_studio.core.experts.migration import migrated
from expert_studio.core.experts.requirement import parse_requirement, parse_version
from tests.core.experts.hostile import files_of, member
from tests.expert_factory import expert_file

SHORT = {"manifests": 80, "specs": 120, "archives": 50}
LONG = {"manifests": 17_000, "specs": 20_000, "archives": 13_000}  # 50,000 in all
PART = 500  # hypothesis slows down as it remembers more
PARTS = [(what, part) for what, cases in LONG.items() for part in range(cases // PART)]

# --- manifests -------------------------------------------------------------------------

_LEAVES = st.none() | st.booleans() | st.integers(-3, 400) | st.floats(-1e9, 1e9)
_LEAVES |= st.text(max_size=12) | st.sampled_from(
    ["1.0", "2.0", "lora", "dora", "ia3", "qwen3", "json-parser@>=1.0.0", "", "1.0.0", "x" * 64]
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "type", "r", "alpha", "sha256", "path", "tokens", "_note"])
            | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@lru_cache(maxsize=1)
def _sound() -> Path:
    folder = Path(mkdtemp(prefix="expert-properties-"))
    return expert_file(folder, rank=1, modules=("v_proj",))


@lru_cache(maxsize=1)
def _members() -> dict[str, bytes]:
    return files_of(_sound())


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += _places(inner, (*path, index))
    return found


def _changed(said: dict[str, Any], path: tuple[Any, ...], value: Any, drop: bool) -> None:
    at: Any = said
    for step in path[:-1]:
        at = at[step]
    if drop:
        del at[path[-1]]
    else:
        at[path[-1]] = value


def check_manifest(data: st.DataObject) -> None:
    """Read or refused with a sentence; what is read loses nothing, on the way there or back."""
    said = json.loads(_members()["manifest.json"])
    if data.draw(st.booleans()):
        base = said.pop("base_models")[0]
        said |= {"schema_version": "1.0", "adapters": base.pop("adapters"), "base_model": base}
    for _ in range(data.draw(st.integers(0, 3))):
        places = _places(said)
        place = data.draw(st.sampled_from(places))
        _changed(said, place, data.draw(_VALUES), data.draw(st.booleans()))
    said |= data.draw(st.dictionaries(st.text(min_size=1, max_size=8), _LEAVES, max_size=2))
    text = json.dumps(said, allow_nan=False).encode()
    try:
        manifest, deviations = read_manifest(text, "a test")
    except ManifestError:
        return
    assert all(d.field and d.sentence for d in deviations)
    again, _ = read_manifest(json.dumps(manifest_as_json(manifest)).encode(), "again")
    assert again == manifest
    said.pop("schema_version", None)  # one that is unknown is read as 2.0, and told
    assert _strings(said) <= _strings(manifest_as_json(manifest))
    try:
        written = write_manifest(manifest)
    except ManifestError:
        return
    manifest = manifest.model_copy(update={"schema_version": "2.0"})
    assert read_manifest(written, "written")[0] == manifest
    assert write_manifest(read_manifest(written, "written")[0]) == written
    if len(manifest.base_models) == 1:
        older, _ = migrated(written, "a test", "1.0")
        assert read_manifest(migrated(older, "a test")[0], "a test")[0] == manifest


def _strings(value: Any) -> set[str]:
    """Every text a JSON value holds; hashes in lower case, as they are read."""
    if isinstance(value, str):
        return {value.lower()}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(_strings, inner))


# --- versions and specs ----------------------------------------------------------------

_NUMBER = st.integers(0, 3).map(str) | st.sampled_from(["10", "999999999"])
_LABEL = st.sampled_from(["0", "1", "11", "alpha", "beta", "rc", "a-b", "x1"])
_CORE = st.tuples(_NUMBER, _NUMBER, _NUMBER).map(".".join)
_VERSION = st.builds(
    lambda core, pre, build: (
        core + ("-" + ".".join(pre) if pre else "") + ("+" + ".".join(build) if build else "")
    ),
    _CORE,
    st.lists(_LABEL, max_size=3),
    st.lists(_LABEL, max_size=1),
)
_OPERATOR = st.sampled_from(["=", "==", "", "<", "<=", ">", ">=", "*"])


def _precedence(version: str) -> tuple[Any, ...]:
    """SemVer 2, item 11, written down anew: what is compared, as a value Python can sort."""
    core, _, pre = version.partition("+")[0].partition("-")
    numbers = tuple(int(n) for n in core.split("."))
    if not pre:
        return (*numbers, 1, ())
    labels = tuple((0, int(x), "") if x.isdigit() else (1, 0, x) for x in pre.split("."))
    return (*numbers, 0, labels)


def check_spec(data: st.DataObject) -> None:
    """Order as the specification says; a spec accepts what its comparisons say, read and said."""
    left, right = data.draw(_VERSION), data.draw(_VERSION)
    a, b = _precedence(left), _precedence(right)
    assert parse_version(left).compare(parse_version(right)) == (a > b) - (a < b)
    clauses = data.draw(st.lists(st.tuples(_OPERATOR, _VERSION), min_size=1, max_size=3))
    spec = ",".join("*" if op == "*" else op + version for op, version in clauses)
    mangled = data.draw(st.booleans())
    if mangled:
        at = data.draw(st.integers(0, len(spec)))
        spec = spec[:at] + data.draw(st.text(max_size=3)) + spec[at + 1 :]
    try:
        requirement = parse_requirement(f"json-parser@{spec}")
    except DependencyError:
        if not mangled:  # only because nothing can satisfy it
            assert not _holds(left, clauses)
            assert not _holds(right, clauses)
        return
    assert parse_requirement(str(requirement)) == requirement
    if not mangled:
        assert requirement.accepts(left) == _holds(left, clauses)


def _holds(version: str, clauses: list[tuple[str, str]]) -> bool:
    mine = _precedence(version)
    met = {
        "*": lambda _: True,
        "": lambda x: mine == x,
        "=": lambda x: mine == x,
        "==": lambda x: mine == x,
        "<": lambda x: mine < x,
        "<=": lambda x: mine <= x,
        ">": lambda x: mine > x,
        ">=": lambda x: mine >= x,
    }
    return all(met[operator](_precedence(other)) for operator, other in clauses)


# --- archives --------------------------------------------------------------------------

_BAD = "../x /etc/x C:\\x a/../../x CON nul.txt a:b x. manifest.json a/b/c MANIFEST.JSON é.json"
_NAMES = st.sampled_from(
    [*_BAD.split(), "tests/a.json", "x.py", "x.expert", "x" * 120, ".", "./a.md"]
) | st.text(min_size=1, max_size=12)
_KINDS = st.sampled_from(
    [b"0", b"\0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"L", b"x", b"g", b"S"]
)


def check_archive(data: st.DataObject) -> None:
    """Unpacked as it is, or refused with a sentence; never anything outside the folder."""
    packed = _mangled(data)
    with TemporaryDirectory(prefix="expert-case-") as scratch:
        place = Path(scratch)
        case = place / "case.expert"
        case.write_bytes(packed)
        target = place / "inner" / "unpacked"
        target.parent.mkdir()
        try:
            seen = archive.inspect(case)
            done = archive.unpack(case, target)
        except (ArchiveError, ManifestError):
            pass
        else:
            assert seen == done
            written = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
            assert written == {file.path for file in done.files if file.kept}
            assert not any(p.is_symlink() for p in target.rglob("*"))
        assert sorted(p.name for p in place.iterdir()) == ["case.expert", "inner"]
        assert {p.name for p in target.parent.iterdir()} <= {"unpacked"}


def _mangled(data: st.DataObject) -> bytes:
    how = data.draw(st.sampled_from(["bytes", "cut", "tar", "members", "nothing"]))
    whole = _sound().read_bytes()
    if how == "nothing":
        return whole
    if how == "cut":
        return whole[: data.draw(st.integers(0, len(whole) - 1))]
    if how == "bytes":
        return _flipped(whole, data, 3)
    own = [member(name, content) for name, content in _members().items()]
    if how == "members":
        more = st.tuples(_NAMES, st.binary(max_size=40), _KINDS, _NAMES)
        for name, content, kind, link in data.draw(st.lists(more, min_size=1, max_size=3)):
            at = data.draw(st.integers(0, len(own)))
            try:
                own.insert(at, member(name, content, kind, link))
            except (ValueError, UnicodeEncodeError):
                continue  # no tar can say it
        return gzip.compress(b"".join(own) + b"\0" * 1024, compresslevel=1, mtime=0)
    tar = b"".join(own) + b"\0" * 1024
    return gzip.compress(_flipped(tar, data, 3, 4096), compresslevel=1, mtime=0)


def _flipped(whole: bytes, data: st.DataObject, times: int, first: int = 0) -> bytes:
    changed = bytearray(whole)
    end = min(len(whole), first) or len(whole)
    for _ in range(data.draw(st.integers(1, times))):
        changed[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    return bytes(changed)


# --- runs ------------------------------------------------------------------------------

CHECKS: dict[str, Callable[[st.DataObject], None]] = {
    "manifests": check_manifest,
    "specs": check_spec,
    "archives": check_archive,
}


def _run(what: str, cases: int, part: int = 0) -> None:
    counted = [0]

    @seed(part)
    @settings(
        max_examples=cases,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=(Phase.generate, Phase.shrink),
    )
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        counted[0] += 1
        CHECKS[what](data)

    holds()
    assert counted[0] >= cases  # else hypothesis ran out of different ones


@pytest.fixture(autouse=True, scope="module")
def _forgotten() -> Any:
    yield
    if _sound.cache_info().currsize:
        shutil.rmtree(_sound().parent, ignore_errors=True)


@pytest.mark.parametrize("what", CHECKS)
def test_it_holds_of_some(what: str) -> None:
    _run(what, SHORT[what])


@pytest.mark.long
@pytest.mark.parametrize(("what", "part"), PARTS)
def test_it_holds_of_fifty_thousand(what: str, part: int) -> None:
    _run(what, PART, part)
