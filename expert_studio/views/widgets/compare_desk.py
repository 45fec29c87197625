"""What is compared, with which stacks, and what comes of a vote.

Stands between `CompareView`, `runtime.comparison` and what keeps votes. Knows no page.

Signals:
    busy_changed(bool): whether a comparison is under way.
    voted(Message tuple, Answer, tuple[Answer, ...]): what was asked, the best and the others.
    failed(ExpertError): a stack cannot be composed, or nothing was answered.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.dependencies import with_requirements
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import (
    Answer,
    BaseDescription,
    Message,
    Question,
    Sampling,
)
from expert_studio.core.inference.stack import Stack, compose
from expert_studio.core.inference.turns import Composition, StackPreset
from expert_studio.runtime.comparison import Comparison
from expert_studio.views.widgets.compare_view import CompareView
from expert_studio.views.widgets.composer import Composer

SEED_BITS = 31


class CompareDesk(QObject):
    busy_changed = Signal(bool)
    voted = Signal(object, object, object)
    failed = Signal(object)

    def __init__(
        self,
        comparison: Comparison,
        view: CompareView,
        composer: Composer,
        library: Library,
        sampling: Callable[[Stack], Sampling],
        host: QWidget,
    ) -> None:
        super().__init__(host)
        self._comparison = comparison
        self._view = view
        self._composer = composer
        self._library = library
        self._sampling = sampling
        self._base: BaseDescription | None = None
        self._experts: tuple[InstalledExpert, ...] = ()
        self._presets: tuple[StackPreset, ...] = ()
        comparison.begun.connect(view.begin)
        comparison.text_arrived.connect(view.append)
        comparison.ended.connect(self._on_ended)
        comparison.failed.connect(self.failed)
        view.preferred.connect(self._on_preferred)
        self._show_choices()

    @property
    def busy(self) -> bool:
        return self._comparison.busy

    @property
    def base(self) -> BaseDescription | None:
        return self._base

    def set_base(self, base: BaseDescription | None) -> None:
        self._base = base

    def set_experts(self, experts: tuple[InstalledExpert, ...]) -> None:
        self._experts = experts
        self._show_choices()

    @Slot(object)
    def show_presets(self, presets: tuple[StackPreset, ...]) -> None:
        """The stacks the person saved."""
        self._presets = presets
        self._show_choices()

    def ask(self, text: str, system: str) -> bool:
        """Puts one prompt to all columns. False, and nothing is done, where it cannot be."""
        if self._base is None or self.busy or not text.strip():
            return False
        before = (Message("system", system),) if system.strip() else ()
        messages = (*before, Message("user", text))
        seed = secrets.randbits(SEED_BITS)  # one for all: what differs is the stack
        try:
            stacks = [self._stack(wanted) for wanted in self._view.wanted()]
        except ExpertError as error:
            self.failed.emit(error)
            return False
        asked = self._comparison.ask([self._question(messages, s, seed) for s in stacks])
        if asked:
            self.busy_changed.emit(True)
        return asked

    @Slot()
    def stop(self) -> None:
        self._comparison.stop()

    def _question(self, messages: tuple[Message, ...], stack: Stack, seed: int) -> Question:
        sampling = self._sampling(stack)
        if sampling.seed is None:
            sampling = replace(sampling, seed=seed)
        return Question(messages, stack, sampling)

    def _stack(self, wanted: Composition | None) -> Stack:
        assert self._base is not None
        base = (self._base.sha256, self._base.quantization)
        if wanted is None or not wanted.chosen:
            return Stack((), *base)
        experts = with_requirements(tuple(wanted.chosen), self._library)
        along = {expert.name for expert in experts} - set(wanted.chosen)
        adjusted = {n: w for n, w in wanted.adjusted.items() if n in along}
        return compose(dict(wanted.chosen) | adjusted, experts, *base, wanted.mode)

    def refresh(self) -> None:
        """The stack at the right may be another by now."""
        self._show_choices()

    def _show_choices(self) -> None:
        choices: dict[str, Composition | None] = {
            self.tr("The stack at the right"): self._composer.composition,
            self.tr("Base alone"): None,
        }
        choices |= {preset.name: preset.composition for preset in self._presets}
        choices |= {
            self.tr("{0} alone").format(expert.name): Composition({expert.name: 1.0})
            for expert in self._experts
        }
        self._view.set_choices(choices)

    @Slot(object)
    def _on_ended(self, answers: Sequence[Answer]) -> None:
        self._view.finish(answers)
        self.busy_changed.emit(False)

    @Slot(object, object)
    def _on_preferred(self, best: Answer, others: tuple[Answer, ...]) -> None:
        question = self._view.columns[0].question
        if question is not None and others:
            self.voted.emit(question.messages, best, others)
