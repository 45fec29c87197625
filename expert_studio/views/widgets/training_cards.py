"""The cards of a new run's settings: presets, the common ones, every field. Hold no recipe."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from expert_studio.core.training.presets import PRESETS
from expert_studio.views.widgets.setting_card import SettingCard
from expert_studio.views.widgets.training_fields import FieldForm, sections


def preset_card() -> tuple[SettingCard, QButtonGroup]:
    """The presets as choices, numbered as in `PRESETS`."""
    words = {
        "quick": (
            _tr("Quick look"),
            _tr("Sixty steps with a small LoRA: shows in minutes whether the rows teach."),
        ),
        "balanced": (
            _tr("Balanced"),
            _tr("Every row once with a LoRA of rank 16: a good first expert."),
        ),
        "thorough": (
            _tr("Thorough"),
            _tr("Three times over with DoRA of rank 32; ends early when it stops helping."),
        ),
        "preference": (
            _tr("Preference"),
            _tr("DPO: learns from pairs which of two answers is the better one."),
        ),
    }
    card = SettingCard()
    card.set_heading(_tr("How it learns"))
    presets = QButtonGroup(card)
    for number, preset in enumerate(PRESETS):
        button = QRadioButton(words[preset.name][0])
        presets.addButton(button, number)
        card.add_choice(button, words[preset.name][1])
        button.setMinimumWidth(110)
    return card, presets


def common_card() -> tuple[SettingCard, FieldForm]:
    """The settings that are changed most."""
    form = FieldForm(
        (
            ("method", _tr("Method"), _tr("sft learns answers, dpo pairs of answers")),
            ("adapter.kind", _tr("Adapter"), ""),
            ("adapter.r", _tr("Rank"), _tr("of LoRA and DoRA: higher learns more")),
            ("adapter.soft_tokens", _tr("Soft tokens"), ""),
            ("schedule.epochs", _tr("Epochs"), _tr("how often every row is seen")),
            ("schedule.max_steps", _tr("Steps at most"), ""),
            ("schedule.learning_rate", _tr("Learning rate"), ""),
            ("batches.batch_size", _tr("Batch"), _tr("rows at once")),
            ("batches.accumulation", _tr("Accumulation"), _tr("batches a step")),
            ("batches.max_length", _tr("Longest row"), _tr("in tokens")),
            ("batches.gradient_checkpointing", _tr("Checkpointing"), ""),
            ("quantization", _tr("Base held as"), _tr("nf4 and int8 make it QLoRA")),
            ("watching.sample_every", _tr("Samples every"), _tr("steps; 0 for none")),
            ("watching.test_every", _tr("Tests every"), _tr("steps; 0 for none")),
            ("watching.test_cases", _tr("Its tests"), ""),
            ("seed", _tr("Seed"), ""),
        )
    )
    card = SettingCard()
    card.set_heading(_tr("Settings"))
    card.add(form)
    return card, form


def all_cards() -> tuple[QWidget, list[FieldForm]]:
    """Every field of a recipe, a card for each of its sections."""
    forms = []
    names = {
        "": _tr("Run"),
        "base": _tr("Base"),
        "adapter": _tr("Adapter"),
        "preference": _tr("Preference (DPO)"),
        "schedule": _tr("Schedule"),
        "batches": _tr("Batches"),
        "watching": _tr("Watching"),
        "card": _tr("Card of the expert"),
    }
    held = QWidget()
    column = QVBoxLayout(held)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(14)
    for section, paths in sections().items():
        if section == "base":
            continue  # chosen above
        form = FieldForm([(path, "", "") for path in paths])
        card = SettingCard()
        card.set_heading(names.get(section, section))
        card.add(form)
        column.addWidget(card)
        forms.append(form)
    return held, forms


def _tr(text: str) -> str:
    return QCoreApplication.translate("training", text)
