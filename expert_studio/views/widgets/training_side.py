"""Beside a run's curves: the coach, what it says on the way, checkpoints, how it was made."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from expert_studio.core.training.coach import Advice
from expert_studio.core.training.events import Sampled
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.trace import Portrait
from expert_studio.views.theme_tokens import SIDE_PANEL_WIDTH
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.fact_rows import FactRows
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note
from expert_studio.views.widgets.training_scores import RunScores
from expert_studio.views.widgets.training_words import loss_text, share_text

_SHOWN_SAMPLES = 3
_LONGEST_SAMPLE = 400  # characters
_SEVERITY = {"good": "good", "note": "muted", "warn": "warn"}


class TrainingSide(QFrame):
    """The right panel of one run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(SIDE_PANEL_WIDTH + 14)
        self._told: tuple[object, ...] = ()
        inside = QWidget()
        inside.setProperty("role", "scroll")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(16, 16, 16, 16)
        self._column.setSpacing(8)
        scroll = scrolling(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scroll)

    def show_portrait(self, portrait: Portrait, scores: RunScores) -> None:
        """Rebuilds itself only when something it shows has changed."""
        told = (
            portrait.glance.identifier, portrait.advice, portrait.samples, portrait.checkpoints,
            portrait.best, portrait.started, scores, portrait.scores,
        )  # fmt: skip
        if told == self._told:
            return
        self._told = told
        self._empty()
        self._add_coach((*scores.advice, *portrait.advice))
        if scores.facts:
            self._heading(self.tr("Held-out scores"))
            said = self.tr("{metric}, each with its 95 % interval").format(metric=scores.metric)
            self._column.addWidget(note(said[:1].upper() + said[1:]))
            self._facts(scores.facts)
        if portrait.samples:
            self._add_samples(portrait.samples)
        if portrait.scores:
            own = portrait.scores[-1].own_tests
            self._heading(self.tr("Its own tests") if own else self.tr("Scores on the way"))
            self._facts([
                Fact(self.tr("step {n}").format(n=f"{s.step:,}"),
                     f"{s.metric} {share_text(s.score)}")
                for s in portrait.scores[-4:]
            ])  # fmt: skip
        self._add_checkpoints(portrait)
        self._add_facts(portrait)
        self._column.addStretch(1)

    def _add_coach(self, advice: Sequence[Advice]) -> None:
        self._heading(self.tr("Coach"))
        if not advice:
            self._column.addWidget(
                note(self.tr("Nothing stands out yet. The coach speaks when the numbers do."))
            )
        for said in advice:
            card = QFrame()
            card.setProperty("role", "inset")
            column = QVBoxLayout(card)
            column.setContentsMargins(11, 9, 11, 9)
            column.setSpacing(4)
            text = note(said.text)
            text.setProperty("role", "")
            named = said.name == "fallback"  # its rule begins with an expert's name
            rule = note((said.rule if named else said.rule[:1].upper() + said.rule[1:]) + ".")
            rule.setProperty("role", "small")
            if said.tone != "note":
                tone = PlainLabel(
                    self.tr("Looks good") if said.tone == "good" else self.tr("Worth a look")
                )
                tone.setProperty("role", _SEVERITY[said.tone])
                column.addWidget(tone)
            column.addWidget(text)
            column.addWidget(rule)
            card.setAccessibleName(f"{said.text} {said.rule}")
            self._column.addWidget(card)

    def _add_samples(self, samples: Sequence[Sampled]) -> None:
        newest = samples[-1].step
        self._heading(self.tr("Samples at step {n}").format(n=f"{newest:,}"))
        for sample in [s for s in samples if s.step == newest][-_SHOWN_SAMPLES:]:
            card = QFrame()
            card.setProperty("role", "inset")
            column = QVBoxLayout(card)
            column.setContentsMargins(11, 9, 11, 9)
            column.setSpacing(4)
            for text, role in ((sample.prompt, "facts"), (sample.answer, "sample")):
                label = PlainLabel(text.strip()[:_LONGEST_SAMPLE] or "…")
                label.setTextFormat(Qt.TextFormat.PlainText)
                label.setWordWrap(True)
                label.setProperty("role", role)
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                column.addWidget(label)
            self._column.addWidget(card)

    def _add_checkpoints(self, portrait: Portrait) -> None:
        if not (portrait.checkpoints or portrait.best):
            return
        self._heading(self.tr("Checkpoints"))
        best = min(portrait.best, key=lambda kept: kept.loss, default=None)
        losses = {kept.step: kept.loss for kept in portrait.best}
        steps = {saved.step for saved in portrait.checkpoints} | set(losses)
        kept_on_disk = sorted(steps, reverse=True)[:6]
        if best is not None and best.step not in kept_on_disk:
            kept_on_disk.append(best.step)
        for step in kept_on_disk:
            row = QHBoxLayout()
            row.addWidget(PlainLabel(self.tr("step {n}").format(n=f"{step:,}")))
            loss = PlainLabel(loss_text(losses.get(step, math.nan)) if step in losses else "")
            loss.setProperty("role", "secondary")
            row.addWidget(loss)
            row.addStretch(1)
            if best is not None and step == best.step:
                mark = PlainLabel(self.tr("best"))
                mark.setProperty("role", "good")
                row.addWidget(mark)
            held = QWidget()
            row.setContentsMargins(0, 2, 0, 2)
            held.setLayout(row)
            self._column.addWidget(held)

    def _add_facts(self, portrait: Portrait) -> None:
        recipe, started = portrait.recipe, portrait.started
        if recipe is None:
            return
        self._heading(self.tr("How it learns"))
        batches, schedule = recipe.batches, recipe.schedule
        batch = f"{batches.batch_size}"
        if batches.accumulation > 1:
            batch += f" × {batches.accumulation}"
        facts = [
            Fact(self.tr("Learning rate"), f"{schedule.learning_rate:g} {schedule.shape}"),
            Fact(self.tr("Batch"), self.tr("{n} rows").format(n=batch)),
            Fact(self.tr("Precision"), _precision(recipe)),
            Fact(self.tr("Seed"), str(recipe.seed)),
        ]
        if started is not None:
            facts[:0] = [
                Fact(self.tr("Device"), started.device_name),
                Fact(
                    self.tr("Rows"),
                    self.tr("{n} learned, {m} set aside").format(
                        n=f"{started.train_rows:,}", m=f"{started.eval_rows:,}"
                    ),
                ),
                Fact(self.tr("Parameters"), f"{started.trainable_parameters:,}"),
            ]
        if portrait.glance.path.name:
            facts.append(Fact(self.tr("Run"), portrait.glance.identifier))
        self._facts(facts)

    def _facts(self, facts: Sequence[Fact]) -> None:
        rows = FactRows()
        rows.show_facts(facts)
        self._column.addWidget(rows)

    def _heading(self, text: str) -> None:
        if self._column.count():
            self._column.addSpacing(6)
        label = ElidedLabel(text)
        label.setProperty("role", "heading")
        self._column.addWidget(label)

    def _empty(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()


def _precision(recipe: Recipe) -> str:
    """What is computed in and, where that differs, what the base is held in."""
    if recipe.precision == recipe.quantization:
        return recipe.precision
    return f"{recipe.precision}, {recipe.quantization}"
