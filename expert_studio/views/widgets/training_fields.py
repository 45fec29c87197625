"""Fields of a training recipe as controls, made from the recipe's own schema.

One form shows a few of them under their usual names, another all of them: both write the
same recipe. Knows the shape of a recipe, not what its settings do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from expert_studio.core.training.recipe import Recipe
from expert_studio.views.widgets.dataset_form import Form, choice_box
from expert_studio.views.widgets.setting_card import note

# sections of a recipe that the wizard asks for elsewhere, or fills in itself
LEFT_OUT = ("schema_version", "name", "datasets", "dependencies", "start", "base.sha256")
SENTENCES = ("watching.sample_prompts", "card.limitations", "card.prompts")  # hold commas
_WIDTH, _WIDE = 150, 420


class FieldForm(Form):
    """Signals:
    edited(str, object): the path of a field ("schedule.learning_rate") and its new value.
    """

    edited = Signal(str, object)

    def __init__(
        self, fields: Sequence[tuple[str, str, str]], parent: QWidget | None = None
    ) -> None:
        """`fields` as (path, name or "", sentence or "")."""
        super().__init__(parent)
        self.controls: dict[str, QWidget] = {}
        self.labels: dict[str, QLabel] = {}
        for path, name, sentence in fields:
            control = self._control(path)
            control.setToolTip(path)
            self.controls[path] = control
            self.labels[path] = self._add_field(name or named(path), control, sentence)

    def _add_field(self, name: str, control: QWidget, sentence: str) -> QLabel:
        if not sentence:
            return self.add_row(name, control)
        control.setAccessibleName(name)
        told = note(sentence)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(control)
        row.addWidget(told, 1)
        label = self.add_row(name, row)
        label.setBuddy(control)
        return label

    def show_recipe(self, said: Mapping[str, Any]) -> None:
        """Fills the controls in; what is being typed right now stays."""
        for path, control in self.controls.items():
            value = value_at(said, path)
            with QSignalBlocker(control):
                if isinstance(control, QCheckBox):
                    control.setChecked(bool(value))
                elif isinstance(control, QComboBox):
                    control.setCurrentIndex(max(0, control.findData(value)))
                elif isinstance(control, QLineEdit) and not control.hasFocus():
                    control.setText(as_text(value, path))
                    control.setCursorPosition(0)

    def set_value(self, path: str, value: object) -> None:
        """As if a person had put it in."""
        control = self.controls[path]
        if isinstance(control, QCheckBox):
            control.setChecked(bool(value))
        elif isinstance(control, QComboBox):
            control.setCurrentIndex(control.findData(value))
        elif isinstance(control, QLineEdit):
            control.setText(as_text(value, path))
            control.textEdited.emit(control.text())

    def _control(self, path: str) -> QWidget:
        shape = shape_of(path)
        if shape.get("type") == "boolean":
            box = QCheckBox()
            box.toggled.connect(partial(self._on_value, path))
            return box
        if "enum" in shape:
            choice = choice_box([(str(value), value) for value in shape["enum"]], named(path))
            choice.setMinimumWidth(_WIDTH)
            choice.currentIndexChanged.connect(partial(self._on_choice, path))
            return choice
        line = QLineEdit()
        is_number = shape.get("type") in ("integer", "number") or "anyOf" in shape
        line.setFixedWidth(_WIDTH if is_number else _WIDE)
        if "anyOf" in shape:
            line.setPlaceholderText(self.tr("not set"))
        if shape.get("type") == "array":
            several = path in SENTENCES
            line.setPlaceholderText(
                self.tr("one | another | …") if several else self.tr("one, another, …")
            )
        line.textEdited.connect(partial(self._on_text, path))
        return line

    def _on_value(self, path: str, value: object) -> None:
        self.edited.emit(path, value)

    def _on_choice(self, path: str, _index: int) -> None:
        control = self.controls[path]
        assert isinstance(control, QComboBox)
        self.edited.emit(path, control.currentData())

    def _on_text(self, path: str, text: str) -> None:
        self.edited.emit(path, from_text(path, text))


@lru_cache(maxsize=1)
def _schema() -> Mapping[str, Any]:
    return Recipe.model_json_schema()


def sections() -> dict[str, tuple[str, ...]]:
    """The paths of all fields, by the section of the recipe they stand in; "" for its top."""
    found: dict[str, list[str]] = {"": []}
    for name, shape in _schema()["properties"].items():
        if name in LEFT_OUT:
            continue
        part = _resolved(shape)
        if "properties" in part:
            paths = [f"{name}.{field}" for field in part["properties"]]
            found[name] = [path for path in paths if path not in LEFT_OUT]
        else:
            found[""].append(name)
    return {name: tuple(paths) for name, paths in found.items()}


def shape_of(path: str) -> Mapping[str, Any]:
    """What the schema says of a field.

    Raises:
        KeyError: a recipe has no such field.
    """
    shape: Mapping[str, Any] = _schema()
    for name in path.split("."):
        shape = _resolved(shape["properties"][name])
    return shape


def value_at(said: Mapping[str, Any], path: str) -> Any:
    value: Any = said
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def with_value(said: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """The recipe with one field changed."""
    name, _, rest = path.partition(".")
    if not rest:
        return {**said, name: value}
    inner = said.get(name)
    return {**said, name: with_value(inner if isinstance(inner, Mapping) else {}, rest, value)}


def named(path: str) -> str:
    """ "schedule.learning_rate" as "Learning rate"."""
    field = path.rpartition(".")[2]
    return _names().get(field) or field.replace("_", " ").capitalize()


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """Fields that the schema's own names would say badly."""
    return {
        "r": _tr("Rank"),
        "rslora": _tr("rsLoRA"),
        "shape": _tr("Course of the rate"),
        "max_steps": _tr("Steps at most"),
        "warmup_steps": _tr("Warm-up steps"),
        "max_grad_norm": _tr("Gradient at most"),
        "batch_size": _tr("Rows at once"),
        "accumulation": _tr("Batches a step"),
        "max_length": _tr("Tokens at most"),
        "completion_only": _tr("Answers only"),
        "gradient_checkpointing": _tr("Recompute layers"),
        "eval_rows": _tr("Rows set aside"),
        "eval_every": _tr("Evaluate every"),
        "save_every": _tr("Save every"),
        "early_stop": _tr("Stop early after"),
        "sample_every": _tr("Sample every"),
        "sample_tokens": _tr("Tokens a sample"),
        "test_every": _tr("Test every"),
        "test_rows": _tr("Rows a test"),
        "quantization": _tr("Base held as"),
    }


def _tr(text: str) -> str:
    return QCoreApplication.translate("training", text)


def as_text(value: object, path: str = "") -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        between = " | " if path in SENTENCES else ", "
        return between.join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def from_text(path: str, text: str) -> object:
    """What a person typed, as the schema wants it; what cannot be read stays text."""
    shape, words = shape_of(path), text.strip()
    if shape.get("type") == "array":
        parts = words.split("|" if path in SENTENCES else ",")
        return [part.strip() for part in parts if part.strip()]
    if "anyOf" in shape and not words:
        return None
    kinds = {part.get("type") for part in shape.get("anyOf", [shape])}
    for kind, read in (("integer", int), ("number", float)):
        if kind in kinds:
            try:
                return read(words.replace("\u202f", "").replace(" ", ""))
            except ValueError:
                return words
    return words


def _resolved(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follows one reference, also where it stands beside a default."""
    reference = shape.get("$ref") or next(
        (part["$ref"] for part in shape.get("allOf", ()) if "$ref" in part), None
    )
    if reference is None:
        return shape
    found: Mapping[str, Any] = _schema()["$defs"][reference.rpartition("/")[2]]
    return found
