"""The only place that words an error for the window. Lives on the main thread.

Errors stay until closed and say what, why and what to do; messages go by themselves and
may carry one action; a defect opens the crash dialog. Knows nothing of what failed.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from expert_studio.core.errors import CrashReport, ExpertError
from expert_studio.views.theme_tokens import STATUS_HEIGHT
from expert_studio.views.widgets.crash_dialog import CrashDialog
from expert_studio.views.widgets.plain_words import plain_tip
from expert_studio.views.widgets.toast import WIDTH, Toast

GONE_AFTER_MS = 6_000
UNDONE_UNTIL_MS = 10_000  # what can be undone stays longer
MOST_AT_ONCE = 4
MARGIN = 16
_MOVED = (QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.Move, QEvent.Type.Resize)


class Notices(QObject):
    """Shows toasts over the lower right corner of `host`, dialogs above it.

    Signals:
        told(str, str): severity ("info", "warn", "bad") and the sentences of each notice.
        crashed(CrashReport): each defect, also those that a dialog already shows.
        log_wanted(): the person wants to see the log.
    """

    told = Signal(str, str)
    crashed = Signal(object)
    log_wanted = Signal()

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self._host = host
        self._toasts: list[Toast] = []
        self._crash: CrashDialog | None = None
        self._clear: QWidget | None = None
        host.installEventFilter(self)

    @property
    def toasts(self) -> tuple[Toast, ...]:
        """Those on screen, oldest first."""
        return tuple(self._toasts)

    def keep_clear(self, widget: QWidget) -> None:
        """Toasts stand above this part of `host` while it is shown, never over it."""
        self._clear = widget
        widget.installEventFilter(self)

    @Slot(object)
    def error(
        self, error: ExpertError, action: str = "", on_action: Callable[[], None] | None = None
    ) -> None:
        """An expected failure. Stays until the person closes it; the same one twice is one.

        `action` names the one button it may have, which leads to the remedy.
        """
        for toast in self._toasts:
            if toast.sentences == (error.what, error.why, error.remedy):
                return
        shown = Toast(error.what, error.why, error.remedy, "bad", self._host)
        if action and on_action is not None:
            shown.add_action(action, on_action)
        self._show(shown)

    def warn(self, text: str) -> None:
        """Something the person should know; stays until closed."""
        self._show(Toast(text, "", "", "warn", self._host))

    def toast(
        self, text: str, action: str = "", on_action: Callable[[], None] | None = None
    ) -> None:
        """A message that goes by itself, but not while the mouse or the keyboard is on it.

        `action` names the one button it may have.
        """
        shown = Toast(text, "", "", "info", self._host)
        if action and on_action is not None:
            shown.add_action(action, on_action)
        self._show(shown)
        shown.leave_after(GONE_AFTER_MS if not action else UNDONE_UNTIL_MS)

    @Slot(object)
    def crash(self, report: CrashReport) -> None:
        """A defect. One dialog; what follows while it is open is added to it."""
        self.crashed.emit(report)
        if self._crash is not None:
            self._crash.add(report)
            return
        self._crash = CrashDialog(report, self._host)
        self._crash.finished.connect(self._on_crash_closed)
        self._crash.log_wanted.connect(self.log_wanted)
        self._crash.open()

    def ask(
        self, question: str, detail: str, accept: str, on_accept: Callable[[], None]
    ) -> QMessageBox:
        """Asks before something that cannot be undone; returns at once."""
        box = QMessageBox(self._host)
        box.setWindowTitle(self.tr("Expert Studio"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(question)
        box.setInformativeText(plain_tip(detail))
        yes = QPushButton(accept, box)
        box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        yes.clicked.connect(on_accept)
        box.finished.connect(box.deleteLater)
        box.open()
        return box

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        moved = watched is self._host and event.type() == QEvent.Type.Resize
        if moved or (watched is self._clear and event.type() in _MOVED):
            self._place()
        return False

    def _show(self, toast: Toast) -> None:
        self._toasts.append(toast)
        toast.dismissed.connect(self._on_dismissed)
        while len(self._toasts) > MOST_AT_ONCE:
            self._toasts[0].dismiss()
        toast.show()
        self._place()
        self.told.emit(toast.severity, toast.accessibleName())

    def _place(self) -> None:
        bottom = self._lowest()
        for toast in reversed(self._toasts):
            toast.fit()
            toast.move(self._host.width() - toast.width() - MARGIN, bottom - toast.height())
            toast.raise_()
            bottom -= toast.height() + 8

    def _lowest(self) -> int:
        bottom = self._host.height() - STATUS_HEIGHT - MARGIN
        clear = self._clear
        if clear is None or not clear.isVisible() or not self._host.isAncestorOf(clear):
            return bottom
        corner = clear.mapTo(self._host, QPoint(clear.width(), 0))
        beside = corner.x() <= self._host.width() - WIDTH - MARGIN
        return bottom if beside else min(bottom, corner.y() - 8)

    @Slot(object)
    def _on_dismissed(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
            toast.hide()
            toast.deleteLater()
            self._place()

    @Slot()
    def _on_crash_closed(self) -> None:
        dialog, self._crash = self._crash, None
        if dialog is not None:
            dialog.deleteLater()
