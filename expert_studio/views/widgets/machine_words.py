"""This machine in plain words, and what that means for what one does here. Knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from expert_studio.views.widgets.quantities import size_text

if TYPE_CHECKING:
    from expert_studio.core.telemetry.machine import Machine


def machine_text(machine: Machine) -> str:
    """Two sentences: what there is, and how it works with that."""
    return f"{_what_there_is(machine)} {_what_it_means(machine)}"


def room_text(machine: Machine, needed_bytes: int) -> str:
    """Whether a download of that size fits, with what stays free; "" where it does."""
    if machine.free_bytes > needed_bytes * 1.1:
        return ""
    return _tr("There is no room for it: {free} are free, {needed} are needed.").format(
        free=size_text(machine.free_bytes), needed=size_text(needed_bytes)
    )


def _what_there_is(machine: Machine) -> str:
    cores = (
        _tr("a processor with 1 core")
        if machine.cores == 1
        else _tr("a processor with {n} cores").format(n=machine.cores)
    )
    return _tr("This computer has {cores}, {memory} of memory and {free} free on its disk.").format(
        cores=cores, memory=size_text(machine.memory_bytes), free=size_text(machine.free_bytes)
    )


def _what_it_means(machine: Machine) -> str:
    if machine.cards:
        name, size_bytes = max(machine.cards, key=lambda card: card[1])
        return _tr(
            "Its graphics card ({name}, {memory}) answers and trains many times faster than the "
            "processor would."
        ).format(name=name, memory=size_text(size_bytes))
    if machine.apple_graphics:
        return _tr("Its built-in graphics can answer faster than the processor would.")
    return _tr(
        "It has no graphics card that helps here: everything works, larger bases just answer "
        "and train more slowly."
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("machine", text)
