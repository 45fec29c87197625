"""The Library page over a real library on disk: drop, read, search, choose, uninstall, undo."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QWidget

from expert_studio.views.widgets.changes_dialog import ChangesDialog
from expert_studio.views.widgets.weights_dialog import WeightsDialog
from tests.expert_factory import expert_file, installed_expert
from tests.views.library_stage import OTHER_BASE, Stage, drop


def test_files_dropped_on_the_empty_page_are_installed_and_others_refused(
    stage: Stage, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not an expert")
    files = [expert_file(tmp_path, "json-parser"), expert_file(tmp_path, "english-basic")]
    stage.open()
    assert stage.page._stack.currentIndex() == 1
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        drop(stage, [files[0], notes, files[1]], QPoint(300, 300))
    stage.settle()
    assert stage.names() == ["english-basic", "json-parser"]
    assert stage.cards() == stage.names()
    assert stage.page._stack.currentIndex() == 0
    assert "notes.txt was not installed." in stage.told()
    assert "2 experts are installed." in stage.told()
    assert stage.details.expert_name == "english-basic"


@pytest.mark.parametrize("at", [QPoint(900, 30), QPoint(900, 300), QPoint(400, 600)])
def test_a_drop_counts_wherever_on_the_page_it_falls(
    stage: Stage, tmp_path: Path, at: QPoint
) -> None:
    installed_expert(stage.library, "english-basic", load_order=3)
    stage.open()
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        drop(stage, [expert_file(tmp_path, "json-parser")], at)
    assert stage.names() == ["json-parser", "english-basic"]


def test_the_veil_goes_when_the_files_leave_again(stage: Stage, tmp_path: Path) -> None:
    stage.open()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    enter = QDragEnterEvent(
        QPoint(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(stage.window.windowHandle(), enter)
    assert stage.zone.isVisible()
    QApplication.sendEvent(stage.window.windowHandle(), QDragLeaveEvent())
    assert not stage.zone.isVisible()


def test_a_damaged_file_is_a_sentence_and_the_next_one_is_installed(
    stage: Stage, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.expert"
    damaged.write_bytes(b"\x1f\x8b nothing like an archive")
    stage.open()
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        drop(stage, [damaged, expert_file(tmp_path, "json-parser")], QPoint(300, 300))
    assert stage.names() == ["json-parser"]
    assert "damaged.expert" in stage.told()


def test_an_expert_for_another_base_is_refused_with_the_reason(
    stage: Stage, tmp_path: Path
) -> None:
    stage.base = OTHER_BASE
    stage.open()
    drop(stage, [expert_file(tmp_path, "json-parser")], QPoint(300, 300))
    stage.settle()
    assert stage.names() == []
    assert "does not work with Qwen3-0.6B" in stage.told()


def test_details_say_what_the_manifest_says(stage: Stage) -> None:
    parser = installed_expert(stage.library, "json-parser")
    installed_expert(
        stage.library,
        "document-classifier",
        load_order=9,
        rank=8,
        requires=["json-parser@>=1.0.0"],
        trained_with=[(parser, 0.8)],
        limitations=["Letters only"],
        quality_metrics={
            "main_metric": "type_accuracy",
            "benchmark_score": 0.894,
            "interval": [0.87, 0.918],
            "metrics": [
                {
                    "condition": "base",
                    "metric": "type_accuracy",
                    "score": 0.12,
                    "n": 240,
                    "interval": [0.09, 0.15],
                },
                {
                    "condition": "as_trained",
                    "metric": "valid_json",
                    "score": 0.98,
                    "n": 240,
                    "interval": [0.97, 0.99],
                },
                {"condition": "as_trained", "metric": 7},
            ],
            "base_model_score": 0.12,
            "without_dependencies_score": 0.71,
            "baseline_score": 0.716,
            "test_queries": 240,
        },
    )
    stage.open()
    stage.page.choose("document-classifier")
    said = [
        label.accessibleName()
        for label in stage.details._facts.findChildren(type(stage.details._line))
    ]
    assert "Held-out type accuracy: 89.4 % ± 2.4" in said
    assert "Base alone: 12.0 % ± 3.0" in said
    assert "Without what it needs: 71.0 %" in said
    assert "A plain baseline: 71.6 %" in said
    assert "Valid JSON: 98.0 % ± 1.0" in said
    assert "Measured on: 240 rows" in said
    assert "Needs: json-parser ≥ 1.0.0" in said
    assert "Trained with: json-parser 1.0.0 × 0.8" in said
    assert "Licence: Apache-2.0" in said
    assert stage.details._limits.text() == "Limits: Letters only."
    cards = stage.page.shelf.cards
    assert cards.currentIndex().row() == 1
    assert cards.selectionModel().isSelected(cards.currentIndex())
    with stage.qtbot.waitSignal(stage.page.add_to_stack_requested) as asked:
        stage.qtbot.mouseClick(stage.details._add, Qt.MouseButton.LeftButton)
    assert asked.args == ["document-classifier"]


def test_what_is_missing_is_drawn_named_and_blocks_the_stack(stage: Stage) -> None:
    installed_expert(
        stage.library, "rust-code", load_order=5, requires=["compiler-messages@>=1.0.0"]
    )
    stage.open()
    stage.page.choose("rust-code")
    assert not stage.details._add.isEnabled()
    assert "compiler-messages ≥ 1.0.0, which is not installed" in stage.details._obstacle.text()
    view = stage.page.shelf.graph.view
    place = view.mapFromScene(view.node_centre("compiler-messages"))
    stage.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert stage.details.expert_name == ""
    assert stage.details._missing.isVisible()
    assert "rust-code" in stage.details._missing.text.text()
    assert stage.page._header._state.text() == "1 expert · 1 missing"


def test_an_expert_of_another_base_cannot_join_the_stack(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser")
    stage.open()
    stage.page.choose("json-parser")
    assert stage.details._add.isEnabled()
    stage.base = OTHER_BASE
    stage.page.base_changed()
    assert not stage.details._add.isEnabled()
    assert "the loaded base is Qwen3-0.6B" in stage.details._obstacle.text()
    stage.page.shelf.filter.menu("base").choose("\0loaded")
    assert stage.cards() == []


def test_uninstalling_names_what_breaks_and_undo_brings_all_back(stage: Stage) -> None:
    parser = installed_expert(stage.library, "json-parser")
    installed_expert(
        stage.library, "document-classifier", load_order=9, trained_with=[(parser, 1.0)]
    )
    before = stage.library.experts()
    stage.open()
    stage.page.choose("json-parser")
    stage.details._uninstall.trigger()
    assert stage.details._question.isVisible()
    assert "document-classifier" in stage.details._question.consequence.text()
    stage.qtbot.mouseClick(stage.details._question.keep, Qt.MouseButton.LeftButton)
    assert not stage.details._question.isVisible()
    assert stage.names() == ["json-parser", "document-classifier"]
    stage.details._uninstall.trigger()
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        stage.qtbot.mouseClick(stage.details._question.confirm, Qt.MouseButton.LeftButton)
    assert stage.names() == []
    assert stage.page._stack.currentIndex() == 1
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        stage.press_notice("Undo")
    assert stage.library.experts() == before
    assert stage.details.expert_name == "json-parser"


def test_uninstalling_what_nobody_needs_asks_nothing(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser")
    stage.open()
    stage.page.choose("json-parser")
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        stage.details._uninstall.trigger()
    assert stage.names() == []


def test_search_tier_and_order(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser", rank=2, description="Repairs JSON")
    installed_expert(stage.library, "english-basic", rank=8, load_order=3)
    installed_expert(stage.library, "python-code", load_order=5, tags=["snake"])
    stage.open()
    assert stage.cards() == ["json-parser", "english-basic", "python-code"]
    stage.qtbot.keyClicks(stage.page._search, "repairs")
    assert stage.cards() == ["json-parser"]
    stage.page._search.setText("snake zebra")
    assert stage.cards() == []
    assert stage.page.shelf.nothing.isVisible()
    stage.qtbot.mouseClick(stage.page.shelf.show_all, Qt.MouseButton.LeftButton)
    assert len(stage.cards()) == 3
    shelf = stage.page.shelf
    shelf.filter.set_tier("language")
    assert stage.cards() == ["english-basic"]
    shelf.filter.clear()
    shelf.filter.set_order("size")
    assert stage.cards() == ["english-basic", "python-code", "json-parser"]
    shelf.filter.set_order("name")
    assert stage.cards() == ["english-basic", "json-parser", "python-code"]


def test_cards_and_graph_are_reached_by_keyboard(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser")
    installed_expert(stage.library, "english-basic", load_order=3)
    installed_expert(
        stage.library, "neo4j-cypher", load_order=6, requires=["english-basic@>=1.0.0"]
    )
    stage.open()
    cards = stage.page.shelf.cards
    cards.setFocus(Qt.FocusReason.TabFocusReason)
    assert stage.details.expert_name == "json-parser"
    stage.qtbot.keyClick(cards, Qt.Key.Key_Right)
    assert stage.details.expert_name == "english-basic"
    view = stage.page.shelf.graph.view
    view.setFocus()
    stage.qtbot.keyClick(view, Qt.Key.Key_Right)
    assert stage.details.expert_name == "neo4j-cypher"
    assert view.accessibleDescription() == "neo4j-cypher, 1.0.0 · LoRA r4; needs english-basic"
    stage.qtbot.keyClick(view, Qt.Key.Key_Left)
    stage.qtbot.keyClick(view, Qt.Key.Key_Up)
    assert stage.details.expert_name in {"english-basic", "json-parser"}
    size = view.transform().m11()
    stage.qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.transform().m11() > size
    stage.qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.transform().m11() <= 1.0


def test_every_control_has_a_name_and_pictures_have_tooltips(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser")
    stage.open()
    stage.page.choose("json-parser")
    controls = [*stage.page.findChildren(QAbstractButton), *stage.page.findChildren(QLineEdit)]
    ours = [
        c for c in controls if not c.objectName().startswith("_q") and "qt_" not in c.objectName()
    ]
    assert len(ours) > 12
    for control in ours:
        if isinstance(control.parent(), QLineEdit):
            continue  # Qt's own clear button
        assert control.accessibleName(), control
        if (
            isinstance(control, QAbstractButton)
            and not control.text()
            and not control.icon().isNull()
        ):
            assert control.toolTip(), control


def test_an_unusable_folder_is_told_and_counted(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser")
    broken = stage.library.experts_folder / "broken" / "1.0.0"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{")
    (broken / "adapter_model.safetensors").write_bytes(b"")
    stage.open()
    assert "broken" in stage.told()
    assert stage.page._header._state.text() == "1 expert · 1 unusable"


def test_tab_goes_from_the_head_over_cards_and_graph_to_the_details(stage: Stage) -> None:
    for number, name in enumerate(("json-parser", "english-basic", "python-code")):
        installed_expert(stage.library, name, load_order=2 * number + 1)
    stage.open()
    stage.page.choose("english-basic")
    page = stage.page
    shelf = page.shelf
    parts = (page._header, shelf.filter, shelf.cards, shelf.graph, page.details)
    visited: list[int] = []
    first: QWidget = page._tabs.button(0)
    widget = first
    for _ in range(400):
        takes_tab = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if takes_tab and widget.isVisible() and widget.isEnabled():
            visited += [
                n for n, part in enumerate(parts) if part is widget or part.isAncestorOf(widget)
            ]
        widget = widget.nextInFocusChain()
        if widget is first:
            break
    assert visited == sorted(visited)
    assert set(visited) == {0, 1, 2, 3, 4}


def test_weights_are_shown_alone_and_beside_another(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser", seed=1)
    installed_expert(stage.library, "english-basic", seed=2, load_order=3)
    stage.open()
    stage.page.choose("json-parser")
    stage.qtbot.mouseClick(stage.details._weights, Qt.MouseButton.LeftButton)
    dialog = stage.page.dialogs.shown
    assert isinstance(dialog, WeightsDialog)
    stage.qtbot.waitUntil(lambda: "of its rank 4" in dialog.said(), timeout=20000)
    assert "Layer 7" in dialog.said()
    dialog.ask("english-basic")
    stage.qtbot.waitUntil(lambda: "sign conflict" in dialog.said(), timeout=20000)
    assert "they hardly meet" in dialog.said(), "random weights have nothing to do with each other"
    dialog.accept()


def test_versions_are_used_pinned_compared_and_let_go(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser", quality_metrics={"benchmark_score": 0.7})
    installed_expert(
        stage.library,
        "json-parser",
        version="1.1.0",
        seed=3,
        license="MIT",
        quality_metrics={"benchmark_score": 0.8},
    )
    stage.open()
    stage.page.choose("json-parser")
    versions = stage.details.versions

    def shown(text: str) -> bool:
        return text in " ".join(label.text() for label in versions.findChildren(QLabel))

    stage.qtbot.waitUntil(lambda: shown("1.1.0") and shown("1.0.0"), timeout=20000)
    versions.press("Compare 1.0.0 with the active one")
    stage.qtbot.waitUntil(lambda: stage.page.dialogs.shown is not None, timeout=20000)
    dialog = stage.page.dialogs.shown
    assert isinstance(dialog, ChangesDialog)
    assert "json-parser: 1.0.0 and 1.1.0" in dialog.said()
    assert "Held-out score\n0.7\n0.8" in dialog.said()
    assert "adapter_model.safetensors (changed)" in dialog.said()
    dialog.accept()
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        versions.press("Make 1.0.0 the active version")
    assert stage.library.find("json-parser").version == "1.0.0"
    stage.qtbot.waitUntil(lambda: shown("active"), timeout=20000)
    stage.settle()
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        versions.press("Keep 1.0.0 active when a newer one comes in")
    assert stage.library.pinned("json-parser") == "1.0.0"
    stage.qtbot.waitUntil(lambda: shown("pinned"), timeout=20000)
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        versions.press("Let the highest version be active again")
    assert stage.library.find("json-parser").version == "1.1.0"
    stage.settle()


def test_one_version_is_uninstalled_and_comes_back(stage: Stage) -> None:
    shelf = stage.library
    for number in ("1.0.0", "1.1.0", "1.2.0"):
        installed_expert(shelf, "json-parser", version=number)
    installed_expert(shelf, "needs-it", requires=["json-parser@>=1.1.0"])
    stage.open()
    stage.page.choose("json-parser")
    versions = stage.details.versions

    def there() -> list[str]:
        return [expert.version for expert in shelf.versions("json-parser")]

    def offered() -> set[str]:
        names = {b.accessibleName() for b in versions.findChildren(QAbstractButton)}
        return {n.split()[1] for n in names if n.startswith("Uninstall") and n.endswith("alone")}

    stage.qtbot.waitUntil(lambda: len(offered()) == 3, timeout=20000)
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        versions.press("Uninstall 1.2.0 alone")
    assert there() == ["1.1.0", "1.0.0"]
    assert shelf.find("json-parser").version == "1.1.0"
    assert "Uninstalled: json-parser 1.2.0." in stage.told()
    stage.settle()
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        stage.press_notice("Undo")
    assert there() == ["1.2.0", "1.1.0", "1.0.0"]
    stage.settle()
    for number in ("1.1.0", "1.2.0"):  # with 1.0.0 alone, needs-it could not go on
        stage.qtbot.waitUntil(lambda: len(offered()) > 1 and number in offered(), timeout=20000)  # noqa: B023
        with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
            versions.press(f"Uninstall {number} alone")
        stage.settle()
    assert there() == ["1.2.0", "1.0.0"]
    assert "needs-it cannot work without it" in stage.told()


def graph_labels(stage: Stage) -> dict[str, str]:
    return {name: item.trouble for name, item in stage.page.shelf.graph.view._nodes.items()}


def test_what_does_not_hold_is_marked_where_it_is_and_gone_to(stage: Stage) -> None:
    installed_expert(stage.library, "json-parser")
    installed_expert(stage.library, "python-code", load_order=5, requires=["json-parser@>=2.0.0"])
    installed_expert(stage.library, "rust-code", load_order=6, incompatible_with=["python-code"])
    installed_expert(stage.library, "law-terms", load_order=7, requires=["latin-basic"])
    stage.open()
    graph = stage.page.shelf.graph
    troubles = graph_labels(stage)
    assert "another version is installed" in troubles["python-code"]
    assert "does not work together with python-code" in troubles["rust-code"]
    assert "does not work together with rust-code" in troubles["python-code"]
    assert troubles["json-parser"] == ""
    assert graph.troubles.text() == "4 problems"
    seen = []
    for _ in range(4):
        stage.qtbot.mouseClick(graph.troubles, Qt.MouseButton.LeftButton)
        seen.append(stage.page._chosen)
    assert sorted(seen) == ["latin-basic", "law-terms", "python-code", "rust-code"]


def test_the_graph_is_searched_narrowed_and_acted_on(stage: Stage) -> None:
    installed_expert(stage.library, "english-basic", load_order=3)
    for number in range(9):
        needs = ["english-basic"] if number % 3 == 0 else []
        installed_expert(stage.library, f"code-{number}", load_order=5, requires=needs)
    stage.open()
    graph = stage.page.shelf.graph
    stage.page.shelf.filter.set_form("graph")
    stage.qtbot.keyClicks(graph.search, "code-3")
    stage.qtbot.keyClick(graph.search, Qt.Key.Key_Return)
    assert stage.details.expert_name == "code-3"
    stage.qtbot.mouseClick(graph.around, Qt.MouseButton.LeftButton)
    assert graph.shown_names == {"code-3", "english-basic"}
    stage.page.choose("english-basic")
    assert len(graph.shown_names) == 2, "what is drawn stays while the chosen one is among it"
    stage.page.choose("code-1")
    assert len(graph.shown_names) == 10
    menu = stage.details.menu()
    assert [action.text() for action in menu.actions()] == [
        "Add to stack",
        "Weights…",
        "Uninstall",
    ]
    with stage.qtbot.waitSignal(stage.page.library_changed, timeout=20000):
        menu.actions()[2].trigger()
    assert "code-1" not in stage.names()
    menu.close()
