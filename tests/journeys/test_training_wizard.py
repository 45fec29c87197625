"""The wizard with a table of somebody else's columns, and with several datasets and weights."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox

from expert_studio.core.datasets.examples import read_examples
from tests.journeys.training_stage import Stage

ROWS = 20


def foreign_table(path: Path) -> Path:
    """Columns that no reader knows by name."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(["nr", "Frage", "Antwort", "Notiz"])
        lines.writerows((n, f"Wie viel ist {n} + 1?", f"Es ist {n + 1}.", "-") for n in range(ROWS))
    return path


def picked(box: QComboBox, text: str) -> None:
    """With the keyboard, as a person without a mouse does."""
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.findText(text) - box.currentIndex()):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == text


def typed(box: QDoubleSpinBox, text: str) -> None:
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Tab)


def test_a_foreign_table_and_a_weighted_dataset_become_a_run(stage: Stage, tmp_path: Path) -> None:
    stage.made_dataset("my-rows", 10)
    stage.made_dataset("other-rows", 10)
    page = stage.studio.train_page
    page.begin_wizard()
    wizard, source = page.wizard, page.wizard.source
    stage.until(lambda: source.facts is not None)
    source.choose_file(foreign_table(tmp_path / "foreign.csv"))
    stage.until(lambda: "which column" in wizard.fault)
    assert not wizard.ready
    assert source.columns.isVisible()
    picked(source.columns.boxes["prompt"], "Frage")
    picked(source.columns.boxes["answer"], "Antwort")
    stage.until(lambda: wizard.ready)
    assert source.facts is not None
    assert source.facts.rows == ROWS
    # the preview is the row as the model meets it, by the base's own template
    assert "<|im_start|>user\nWie viel ist 0 + 1?" in source.rendered.text
    assert "Es ist 1." in source.rendered.text

    stage.press(source.more.button)
    (line,) = source.more.lines
    assert source.weight.isVisible()
    picked(line.rows, "other-rows")
    typed(line.weight, "2")
    typed(source.weight, "0.5")
    stage.until(lambda: wizard.ready and source.facts is not None)
    assert source.facts.rows == ROWS + 10
    for path, value in (("device", "cpu"), ("schedule.max_steps", 1), ("watching.eval_rows", 4)):
        wizard.set_value(path, value)
    stage.until(lambda: wizard.ready)
    stage.press(wizard.start)
    stage.until(lambda: bool(page.opened))

    run = stage.run
    assert [part.weight for part in run.recipe.datasets] == [0.5, 2.0]
    rows = list(read_examples(run.train_path))
    asked = [row.prompt[-1].content for row in rows]
    # of twenty, two watch the loss and two are kept; of ten, one and one
    assert sum(text.startswith("Wie viel") for text in asked) == 8
    assert len(asked) == 8 + 2 * 8
    assert all(asked.count(text) == 2 for text in asked if not text.startswith("Wie viel"))
    ordered = next((stage.folders.data / "recipes").glob("*/recipe.json"))
    said = json.loads(ordered.read_text(encoding="utf-8"))
    assert [part["weight"] for part in said["datasets"]] == [0.5, 2.0]
    stage.until(lambda: not stage.studio.background.busy)
