"""A window with the Library page over a real library, as several tests open it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from expert_studio.core.experts.acceptance import Acceptance, Policy
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.trust import TrustStore
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.views.notices import Notices
from expert_studio.views.pages.library_page import LibraryPage
from expert_studio.views.widgets.drop_zone import DropZone
from expert_studio.views.widgets.expert_details import ExpertDetails

OTHER_BASE = BaseDescription(
    "Qwen3-0.6B", Path("qwen"), "0" * 64, "qwen3", "bf16", "cpu", "CPU", 1, 1, 4096
)


class Stage:
    """A window with the page in it, and what it says and emits."""

    def __init__(self, qtbot: QtBot, root: Path) -> None:
        self.qtbot = qtbot
        self.library = Library(root)
        self.background = Background()
        self.defects: list[object] = []
        self.background.crashed.connect(self.defects.append)
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.notices = Notices(self.window)
        self.base: BaseDescription | None = None
        self.store = TrustStore(root.parent / "trust.json")
        self.policy: Policy = "always"
        self.page = LibraryPage(
            self.library,
            self.background,
            self.notices,
            lambda: self.base,
            lambda: Acceptance(self.store, self.policy),
            Folders(root.parent),
        )
        self.window.setCentralWidget(self.page)
        self.window.resize(1096, 770)

    def open(self) -> None:
        self.window.show()
        self.window.activateWindow()  # without a window manager nobody else does
        self.qtbot.waitUntil(self.window.isActiveWindow)
        self.settle()

    def settle(self) -> None:
        """Until nothing is read, installed or uninstalled any more."""
        self.qtbot.waitUntil(lambda: not self.page.busy and not self.background.busy, timeout=20000)
        assert not self.defects

    def names(self) -> list[str]:
        return [expert.name for expert in self.library.experts()]

    def cards(self) -> list[str]:
        return list(self.page.shelf.names)

    def told(self) -> str:
        return " ".join(" ".join(toast.sentences) for toast in self.notices.toasts)

    def press_notice(self, text: str) -> None:
        for toast in self.notices.toasts:
            for button in toast.findChildren(QAbstractButton):
                if button.text() == text:
                    self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
                    return
        raise AssertionError(f"no notice offers {text!r}: {self.told()}")

    @property
    def details(self) -> ExpertDetails:
        return self.page.details

    @property
    def zone(self) -> DropZone:
        return self.page._drop


def drop(stage: Stage, paths: list[Path], at: QPoint) -> QDropEvent:
    """Drops files on the window as the system would: enter, then drop, at one place."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, none = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    handle = stage.window.windowHandle()
    enter = QDragEnterEvent(at, copy, data, left, none)
    QApplication.sendEvent(handle, enter)
    assert enter.isAccepted()
    assert stage.zone.isVisible()
    dropped = QDropEvent(QPointF(at), copy, data, left, none)
    QApplication.sendEvent(handle, dropped)
    assert not stage.zone.isVisible()
    return dropped
