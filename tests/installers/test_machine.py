"""Which build a machine is given, whatever machine the test runs on."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import machine
import pytest
from refusal import Refused


@pytest.mark.parametrize(
    ("platform", "name"),
    [("linux", "linux"), ("win32", "windows"), ("darwin", "macos")],
)
def test_system_is_named(platform: str, name: str) -> None:
    assert machine.system(platform) == name


def test_other_systems_are_refused() -> None:
    with pytest.raises(Refused, match="does not run on freebsd14"):
        machine.system("freebsd14")


@pytest.mark.parametrize(
    ("name", "processor", "refused"),
    [
        ("linux", "x86_64", False),
        ("linux", "aarch64", False),
        ("windows", "AMD64", False),
        ("macos", "arm64", False),
        ("macos", "x86_64", True),
        ("linux", "riscv64", True),
    ],
)
def test_processor(name: machine.System, processor: str, refused: bool) -> None:
    if refused:
        with pytest.raises(Refused, match="cannot be installed"):
            machine.check_processor(name, processor)
    else:
        machine.check_processor(name, processor)


@pytest.mark.parametrize(
    ("processor", "libc", "refused"),
    [
        ("x86_64", ("glibc", "2.36"), False),
        ("x86_64", ("glibc", "2.31"), True),
        ("aarch64", ("glibc", "2.36"), True),
        ("aarch64", ("glibc", "2.39"), False),
        ("x86_64", ("", ""), True),  # musl
    ],
)
def test_libc(processor: str, libc: tuple[str, str], refused: bool) -> None:
    if refused:
        with pytest.raises(Refused, match="cannot be installed on this Linux"):
            machine.check_libc("linux", processor, libc)
    else:
        machine.check_libc("linux", processor, libc)
    machine.check_libc("windows", processor, ("", ""))


@pytest.mark.parametrize(
    ("name", "python", "cuda", "installed", "kind", "note"),
    [
        ("linux", (3, 11), 0, "", "cpu", ""),
        ("linux", (3, 11), 13000, "", "cuda", ""),
        ("linux", (3, 13), 13020, "cpu", "cuda", ""),
        ("linux", (3, 12), 12080, "", "cpu", "CUDA 12.8"),
        ("windows", (3, 12), 13000, "", "cuda", ""),
        ("windows", (3, 11), 13000, "", "cpu", "Python 3.12 or 3.13"),
        ("linux", (3, 11), 0, "cuda", "cuda", ""),  # a GPU gone for a while costs no reinstall
    ],
)
def test_kind(
    name: machine.System,
    python: tuple[int, int],
    cuda: int,
    installed: str,
    kind: str,
    note: str,
) -> None:
    choice = machine.choose_kind(name, python, cuda, installed)
    assert choice.kind == kind
    assert note in choice.note
    assert bool(note) == bool(choice.note)


def test_mac_has_no_cuda() -> None:
    assert machine.cuda_of_driver("macos") == 0


def test_display_by_system() -> None:
    assert machine.has_display("windows", {})
    assert machine.has_display("macos", {})
    assert not machine.has_display("linux", {})
    assert machine.has_display("linux", {"DISPLAY": "localhost:10.0"})
    assert not machine.has_display("linux", {"DISPLAY": ":987"})


def test_wayland_display_counts_while_its_socket_is_there() -> None:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        environment = {"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": folder}
        assert not machine.has_display("linux", environment)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"{folder}/wayland-0")
            assert machine.has_display("linux", environment)


def test_too_little_room_is_said_with_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(machine.ROOM_NEEDED_GB, "cpu", 1e9)
    with pytest.raises(Refused, match=r"takes 1000000000 GB, and [0-9.]+ GB are free"):
        machine.check_room(tmp_path, "cpu")
