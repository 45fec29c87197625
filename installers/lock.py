"""Writes the hash-locked requirements from the exact pins in pyproject.toml.

A developer's tool: knows what each kind of machine may be given, and nothing of
installing it. Needs `uv`; run `python installers/lock.py` after changing a pin.

Three files come out, each complete, so that pip installs them with `--no-deps
--require-hashes` and never chooses anything itself:

- requirements-cpu.txt: PyTorch without CUDA, and no CUDA package at all;
- requirements-cuda.txt: PyTorch with the CUDA packages it names;
- requirements-test.txt: what the tests and linters add to either.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Package = dict[str, Any]  # one table of a pylock.toml

ROOT = Path(__file__).resolve().parents[1]
TORCH = "2.13.0"

# The registry holds PyTorch for macOS, PyTorch without CUDA for Windows, and PyTorch with
# CUDA for Linux. The other two builds lie at PyTorch's own index, with these hashes:
# - cpu cp311 x86_64 was hashed from the file itself (2026-11-20);
# - the aarch64 ones stand in nixpkgs' binary-hashes.nix and in lists of that index that
#   other projects published, the others in two or more such lists, which agree.
# A file that differs is refused, whoever is right: nothing unverified is ever installed.
TORCH_CPU_LINUX = (
    "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",  # cp311 x86_64
    "84453b69508ec79902f899c5ed9495acb9e2bbe9fda5f1d5d6f19e3c3842e1a7",  # cp311 aarch64
    "4ca4a9394b0c771238a4f73590fdbbc4debad85ed0fa63d026ae1b085da7d6e2",  # cp312 x86_64
    "6f307c2c32d764ffc6ff6893b801fad6d4752f3e67966cb8abf1843427c02604",  # cp312 aarch64
    "3fbf9c9d1f3c10c2d59d04aca426dee9ccc6ceb32d255c61e93acc3b4f75fae6",  # cp313 x86_64
    "0b8f7d0423027ae8b90c7977c627f3379f325363a08224dffad9b4b2d684a83d",  # cp313 aarch64
)
TORCH_CUDA_WINDOWS = (  # no published hash of cp311 was found: see machine.py
    "2efab1e83604ca628c6d85b9e188c153690980498d1297081a9dad704919303c",  # cp312
    "cf23236e9deed7d3510d14d9b9592d75d272ef7b35bbfee31a02bea339c73971",  # cp313
)

# kind: the system whose build the registry lacks, that build, its hashes
OWN_BUILDS = {
    "cpu": ("linux", "cpu", TORCH_CPU_LINUX),
    "cuda": ("win32", "cu130", TORCH_CUDA_WINDOWS),
}

CUDA_ONLY = re.compile(r"nvidia-(?!ml-py)|cuda-|triton$")
PYTHONS = re.compile(r"-(?:py2\.py3|py3|py31[1-3]|cp31[1-3])-|-cp3\d+-abi3-")
MACHINES = re.compile(
    r"-any\.whl$|win_(?:amd64|arm64)\.whl$|macosx_\w*(?:arm64|universal2)\.whl$"
    r"|manylinux\w*(?:x86_64|aarch64)\b"
)

# the part of a marker that a browser's Python alone meets
BROWSER = re.compile(r" or (?:\([^()]* and )?sys_platform == 'emscripten'\)?")

CPU_HEADER = "PyTorch without CUDA: for machines where no NVIDIA driver is found."
CUDA_HEADER = "PyTorch with CUDA: for machines with an NVIDIA driver."
TEST_HEADER = "What `bootstrap.py test` adds to requirements-cpu.txt or requirements-cuda.txt."


def resolve(requirements: list[str], held: Sequence[Package] = ()) -> list[Package]:
    """Every package those requirements come to on any machine, with its files.

    A package comes twice where two Pythons need two versions; markers then tell them apart.

    Args:
        held: packages whose versions the answer keeps.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted, limits, found = (Path(folder, name) for name in ("in", "limits", "pylock.toml"))
        wanted.write_text("\n".join(requirements), encoding="utf-8")
        limits.write_text("\n".join(pin(package) for package in held), encoding="utf-8")
        options = ["--quiet", "--universal", "--python-version", "3.11", "--format", "pylock.toml"]
        files = ["--constraint", str(limits), "--output-file", str(found), str(wanted)]
        subprocess.run(["uv", "pip", "compile", *options, *files], check=True)
        packages = tomllib.loads(found.read_text(encoding="utf-8"))["packages"]
    for package in packages:
        package["marker"] = BROWSER.sub("", package.get("marker", ""))
    return [package for package in packages if is_for_us(package.get("marker", ""))]


def is_for_us(marker: str) -> bool:
    """Whether a marker can hold on a machine of ours: a browser's Python is none."""
    return "== 'emscripten'" not in marker


def pin(package: Package) -> str:
    """A package's exact version, under its marker."""
    marker = package.get("marker", "")
    # === is not met by a build of the same version for other hardware, as == is
    equals = "===" if package["name"] == "torch" else "=="
    return f"{package['name']}{equals}{package['version']}" + (f" ; {marker}" if marker else "")


def wheel_hashes(package: Package) -> list[str]:
    """SHA-256 of the wheels that a machine this app supports could take, sorted.

    Raises:
        SystemExit: there is none; a source archive would run code to install.
    """
    hashes = []
    for wheel in package.get("wheels", ()):
        name = wheel["url"].rpartition("/")[2]
        if PYTHONS.search(name) and MACHINES.search(name):
            hashes.append(wheel["hashes"]["sha256"])
    if not hashes:
        raise SystemExit(f"{package['name']} has no wheel for any supported machine.")
    return sorted(hashes)


def requirement(package: Package, hashes: Sequence[str]) -> str:
    """One requirement in pip's form, its hashes on lines of their own."""
    digests = (f"    --hash=sha256:{digest}" for digest in sorted(hashes))
    return " \\\n".join([pin(package), *digests])


def torch_lines(kind: str, registry_hashes: list[str]) -> list[str]:
    """The builds of PyTorch that `kind` ("cpu" or "cuda") takes, each for its system."""
    system, build, hashes = OWN_BUILDS[kind]
    own = {"name": "torch", "version": f"{TORCH}+{build}", "marker": f"sys_platform == '{system}'"}
    others = {"name": "torch", "version": TORCH, "marker": f"sys_platform != '{system}'"}
    return [requirement(own, hashes), requirement(others, registry_hashes)]


def lines(kind: str, packages: list[Package]) -> list[str]:
    """The requirements of `packages` on that kind of machine, by name."""
    found: list[str] = []
    for package in sorted(packages, key=lambda each: (each["name"], each["version"])):
        if package["name"] == "torch":
            found += torch_lines(kind, wheel_hashes(package))
        elif kind != "cpu" or not CUDA_ONLY.match(package["name"]):
            found.append(requirement(package, wheel_hashes(package)))
    return found


def write(name: str, header: str, requirements: list[str]) -> None:
    """One lock, under a header that says what it is and where it came from."""
    top = f"# {header}\n# Written by installers/lock.py from pyproject.toml; not by hand.\n\n"
    text = top + "\n".join(requirements) + "\n"
    (ROOT / "installers" / name).write_text(text, encoding="utf-8")
    print(f"{name}: {len(requirements)} requirements")


def main() -> int:
    """Resolves the pins once, and writes the three locks from that one answer."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    run_pins = [*project["project"]["dependencies"], *groups["build"]]
    everything = resolve([*run_pins, *groups["test"]])
    # the same versions in both, so that testing never changes what running uses
    run = resolve(run_pins, held=everything)
    run_names = {package["name"] for package in run}
    test = [package for package in everything if package["name"] not in run_names]
    write("requirements-cpu.txt", CPU_HEADER, lines("cpu", run))
    write("requirements-cuda.txt", CUDA_HEADER, lines("cuda", run))
    write("requirements-test.txt", TEST_HEADER, lines("test", test))
    return 0


if __name__ == "__main__":
    sys.exit(main())
