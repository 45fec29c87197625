"""What the Training page calls things: states, quantities, figures. Knows no widget."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from expert_studio.core.training.trace import Glance, Status
from expert_studio.views.widgets.quantities import size_text, time_left_text
from expert_studio.views.widgets.state_dot import DotState
from expert_studio.views.widgets.training_axis import figure_text

DOTS: dict[Status, DotState] = {
    "ready": "idle",
    "queued": "idle",
    "running": "busy",
    "paused": "idle",
    "finished": "good",
    "stopped": "idle",
    "failed": "bad",
    "lost": "bad",
}
SEVERITIES: dict[Status, str] = {"running": "now", "finished": "good", "failed": "bad",
                                 "lost": "bad"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantity:
    """One chart: the curves it holds, the first of them while training.

    `from_zero`: a chart of it begins at zero where that leaves room.
    """

    name: str
    title: str
    curves: tuple[str, ...]
    as_text: Callable[[float], str] = figure_text
    from_zero: bool = True


def quantities() -> tuple[Quantity, ...]:
    return (
        Quantity("loss", _tr("Loss"), ("loss", "eval_loss")),
        Quantity("learning_rate", _tr("Learning rate"), ("learning_rate",)),
        Quantity("grad_norm", _tr("Gradient"), ("grad_norm",)),
        Quantity("tokens_per_s", _tr("Tokens/s"), ("tokens_per_s",), speed_figure),
        Quantity("memory_bytes", _tr("Memory"), ("memory_bytes",), size_text),
        Quantity("reward_margin", _tr("Margin"), ("reward_margin", "eval_reward_margin")),
        Quantity(
            "reward_accuracy",
            _tr("Ranked right"),
            ("reward_accuracy", "eval_reward_accuracy"),
            share_text,
        ),
        Quantity("score", _tr("Score on the way"), ("score",), share_text),
    )


def curve_name(curve: str) -> str:
    return _tr("eval") if curve.startswith("eval_") else _tr("train")


def status_text(status: Status) -> str:
    return {
        "ready": _tr("not started"),
        "queued": _tr("queued"),
        "running": _tr("running"),
        "paused": _tr("paused"),
        "finished": _tr("finished"),
        "stopped": _tr("stopped"),
        "failed": _tr("failed"),
        "lost": _tr("lost"),
    }[status]


def step_text(glance: Glance) -> str:
    """ "372 / 600"; while the total is not known, the step alone."""
    pace = glance.pace
    if not pace.total_steps:
        waits = {"running": _tr("preparing"), "queued": place_text(glance.place_in_line)}
        return waits.get(glance.status, "—")
    return f"{pace.step:,} / {pace.total_steps:,}"


def place_text(place: int) -> str:
    """Of a run that waits: "next in line", "3 before it"."""
    if place <= 1:
        return _tr("next in line")
    return _tr("{n} before it").format(n=f"{place - 1:,}")


def left_text(glance: Glance) -> str:
    if glance.status != "running":
        return ""
    return time_left_text(glance.pace.left_s) or _tr("reckoning")


def loss_text(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "—"


def speed_figure(per_s: float) -> str:
    return f"{per_s:,.0f}" if math.isfinite(per_s) else "—"


def share_text(share: float) -> str:
    return f"{share:.0%}" if math.isfinite(share) else "—"


def _tr(text: str) -> str:
    return QCoreApplication.translate("training", text)
