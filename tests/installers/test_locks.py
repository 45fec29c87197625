"""The locks give each machine what it should have, and nothing unverified."""

from __future__ import annotations

import re
import tomllib

import environment
import lock
import pytest
from packaging.requirements import Requirement

LOCKS = {
    name: (environment.LOCKS / f"requirements-{name}.txt").read_text("utf-8")
    for name in ("cpu", "cuda", "test")
}
PROJECT = tomllib.loads((environment.ROOT / "pyproject.toml").read_text("utf-8"))
MACHINES = [
    {"sys_platform": system, "platform_system": full, "platform_machine": processor}
    for system, full, processor in [
        ("linux", "Linux", "x86_64"),
        ("linux", "Linux", "aarch64"),
        ("win32", "Windows", "AMD64"),
        ("darwin", "Darwin", "arm64"),
    ]
]
PYTHONS = ["3.11", "3.12", "3.13"]


def _requirements(text: str) -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for line in re.findall(r"^[a-z0-9].*", text, re.MULTILINE):
        requirement = Requirement(line.rstrip(" \\"))
        found.setdefault(requirement.name, []).append(requirement)
    return found


def _on(machine: dict[str, str], python: str, requirements: list[Requirement]) -> list[str]:
    values = {
        **machine,
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    return [
        str(requirement.specifier)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(values)
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_exact_and_hashed(name: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", LOCKS[name].partition("\n\n")[2])
    assert len(blocks) == environment.requirement_count(LOCKS[name])
    for block in blocks:
        first, *hashes = [line.rstrip(" \\") for line in block.strip().splitlines()]
        assert re.fullmatch(r"[a-z0-9-]+===?[^\s;=]+(?: ; .+)?", first), first
        assert hashes, first
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in hashes), first


@pytest.mark.parametrize("name", LOCKS)
def test_no_place_to_fetch_from_is_named(name: str) -> None:
    assert not re.search(r"://|--index|--find-links|@ |^/", LOCKS[name], re.MULTILINE)


def test_no_cuda_package_where_there_is_no_gpu() -> None:
    names = _requirements(LOCKS["cpu"]) | _requirements(LOCKS["test"])
    assert [name for name in names if lock.CUDA_ONLY.match(name)] == []
    assert any(name.startswith("nvidia-cu") for name in _requirements(LOCKS["cuda"]))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: "-".join(machine.values()))
def test_one_torch_for_each_machine(machine: dict[str, str], python: str) -> None:
    cpu = _on(machine, python, _requirements(LOCKS["cpu"])["torch"])
    cuda = _on(machine, python, _requirements(LOCKS["cuda"])["torch"])
    linux, windows = machine["sys_platform"] == "linux", machine["sys_platform"] == "win32"
    assert cpu == [f"==={lock.TORCH}+cpu" if linux else f"==={lock.TORCH}"]
    assert cuda == [f"==={lock.TORCH}+cu130" if windows else f"==={lock.TORCH}"]


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_locks_hold_the_projects_pins(kind: str) -> None:
    locked = _requirements(LOCKS[kind])
    groups = PROJECT["dependency-groups"]
    pinned: dict[str, set[str]] = {}  # more than one version where the Pythons take others
    for pin in [*PROJECT["project"]["dependencies"], *groups["build"]]:
        name, _, version = pin.partition(";")[0].partition("==")
        pinned.setdefault(name, set()).add(version)
    for name, versions in pinned.items():
        found = {str(each.specifier).strip("=").partition("+")[0] for each in locked[name]}
        assert found == versions, name
    tools = _requirements(LOCKS["test"])
    assert {pin.partition("==")[0] for pin in groups["test"]} <= tools.keys()
    assert not tools.keys() & locked.keys()


def test_both_kinds_differ_in_cuda_alone() -> None:
    cpu, cuda = _requirements(LOCKS["cpu"]), _requirements(LOCKS["cuda"])
    more = cuda.keys() - cpu.keys()
    assert cpu.keys() <= cuda.keys()
    assert [name for name in more if not lock.CUDA_ONLY.match(name)] == []


def test_wheels_for_other_machines_are_left_out() -> None:
    def wheel(name: str, digest: str) -> dict[str, object]:
        return {"url": f"https://registry.invalid/{name}", "hashes": {"sha256": digest}}

    wanted = [
        "a-1-py3-none-any.whl",
        "a-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "a-1-cp39-abi3-win_amd64.whl",
        "a-1-cp313-cp313-macosx_11_0_arm64.whl",
    ]
    unwanted = [
        "a-1-cp314-cp314-manylinux_2_28_x86_64.whl",
        "a-1-cp311-cp311-musllinux_1_2_x86_64.whl",
        "a-1-pp311-pypy311_pp73-manylinux_2_28_x86_64.whl",
        "a-1-cp311-cp311-win32.whl",
        "a-1-cp312-cp312-manylinux_2_28_s390x.whl",
    ]
    package = {
        "name": "a",
        "wheels": [wheel(name, f"yes-{name}") for name in wanted]
        + [wheel(name, f"no-{name}") for name in unwanted],
    }
    assert lock.wheel_hashes(package) == sorted(f"yes-{name}" for name in wanted)
    with pytest.raises(SystemExit, match="no wheel"):
        lock.wheel_hashes({"name": "a", "wheels": []})
