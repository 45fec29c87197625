"""Drives the chat page through the states that take a conversation, and writes pictures of it.

    python tests/tour_chat.py DIR [--only NAME]

As `tour.py`. For 150 % set QT_SCALE_FACTOR=1.5.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PySide6.QtWidgets import QApplication

from expert_studio.core.inference.attached_text import AttachedText
from expert_studio.views.widgets.conversation_dialog import ConversationDialog
from expert_studio.views.widgets.message_bubble import MessageBubble
from tests.tour import LONG_PROMPT, NEXT_PROMPT, PROMPT, Tour


class ChatTour(Tour):
    """Only the chat."""

    def _take(self) -> None:
        studio, page = self.studio, self.studio.chat_page
        studio.open()
        self.settle()
        self.until(lambda: studio.loaded_base() is not None, "the base", 300)
        self.until(lambda: len(page.composer.rows) > 1, "the experts")
        self.until(lambda: studio.first_start.tour is not None, "the tour")
        assert studio.first_start.tour is not None
        studio.first_start.tour.end()  # it would lie over every picture
        self.until(lambda: studio.first_start.tour is None, "the end of the tour")
        self.settle(0.4)
        page.first_task.left.emit()
        self.settle(0.4)
        self.picture("70-chat-empty")
        page.composer.add("document-classifier")
        self._ask(PROMPT)
        page.transcript.regenerate_wanted.emit()
        self._answered()
        self.picture("71-chat-branches")
        view = page.transcript.answers[-1]
        view.foot.press("details")
        view.details.press_repeat()
        self.until(lambda: "came" in view.details.told, "the same again")
        self._settled_at_the_end()
        self.picture("72-chat-details")
        view.foot.press("details")
        view.foot.press("attribution")
        self.until(lambda: view.attribution.found is not None, "the attribution")
        self._settled_at_the_end()
        self.picture("73-chat-attribution")
        view.foot.press("attribution")
        self._ask(NEXT_PROMPT)
        page.prompt.set_text("What is in these?")
        page.prompt.attach(AttachedText("notes-of-the-quarterly-meeting-in-porto.txt", "x" * 5000))
        page.prompt.attach(AttachedText("orders.csv", "a,b\n" * 300))
        self.picture("74-chat-files")
        page.prompt.clear()
        page.transcript.findChildren(MessageBubble)[-1].press_edit()
        self.picture("75-chat-editing")
        page.prompt._on_leave()
        dialog = ConversationDialog("Answer as JSON.", {"temperature": 0.4}, True, page)
        self._pictured_dialog(dialog, "76-chat-settings")
        studio.dialogue.new()
        self._ask("A long one. " * 400)
        self.picture("77-chat-long-message")
        self.clear_toasts()
        self._compared()

    def _compared(self) -> None:
        page = self.studio.chat_page
        page._compare.click()
        view = page.compare_view
        self.settle(0.3)
        self.picture("80-compare-empty")
        names = ("Base alone", "json-parser alone", "document-classifier alone")
        view.add_column()
        view.add_column()
        for column, name in zip(view.columns[1:], names, strict=True):
            column.choose(name)
        page.prompt.set_text(LONG_PROMPT)
        page.prompt._submit()
        self.until(lambda: all(column.text for column in view.columns), "four columns")
        self.settle(0.3)
        self.picture("81-compare-streaming")
        self.until(lambda: not page.compare.busy, "four answers")
        self.picture("82-compare-answered")
        view.blind.setChecked(True)
        page.prompt.set_text(PROMPT)
        page.prompt._submit()
        self.until(lambda: not page.compare.busy, "four answers")
        self.picture("83-compare-blind")
        page._compare.click()
        self.settle()

    def _ask(self, text: str) -> None:
        self.studio.chat_page.prompt.sent.emit(text)
        self._answered()

    def _answered(self) -> None:
        self.until(lambda: not self.studio.dialogue.busy, "the answer")
        self.settle(0.2)

    def _settled_at_the_end(self) -> None:
        self.settle(0.2)
        self.studio.chat_page.transcript._on_latest()
        self.settle(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a part of the names of the pictures")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    ChatTour(application, given.folder, given.only, "").run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
