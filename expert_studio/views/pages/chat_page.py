"""Chat: conversations at the left, what is said in the middle, the stack at the right.

Knows nothing of other pages or of torch. What is said goes through `Dialogue`, which
keeps it; what is composed comes from `Composer` as a frozen stack.

Signals:
    stack_changed(Stack): the stack the next answer will use.
    answered(Answer-like Turn): an answer ended, with its timing.
    corrections_chosen(str): the dataset that what is said of answers goes to from now on.
    library_wanted(), settings_wanted(): the person wants another page.
    first_run_left(): the first task was skipped or done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import (
    BaseDescription,
    MemoryByOwner,
)
from expert_studio.core.inference.stack import Stack
from expert_studio.core.inference.turns import Conversation, Turn
from expert_studio.runtime.answer_checks import AnswerChecks
from expert_studio.runtime.background import Background
from expert_studio.runtime.comparison import Comparison
from expert_studio.runtime.conversation_shelf import ConversationShelf
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.runtime.feedback import Feedback, Kept
from expert_studio.runtime.model_thread import ModelThread
from expert_studio.views.notices import Notices
from expert_studio.views.widgets.answer_feedback import AnswerFeedback
from expert_studio.views.widgets.answer_inquiries import AnswerInquiries
from expert_studio.views.widgets.column_scroll import SIDE_MARGIN
from expert_studio.views.widgets.compare_desk import CompareDesk
from expert_studio.views.widgets.compare_view import CompareView
from expert_studio.views.widgets.composer import Composer
from expert_studio.views.widgets.conversation_actions import ConversationActions
from expert_studio.views.widgets.conversation_list import ConversationList
from expert_studio.views.widgets.empty_chat import EmptyChat
from expert_studio.views.widgets.first_run_panel import FirstRunPanel
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.prompt_box import PromptBox
from expert_studio.views.widgets.prompt_desk import PromptDesk
from expert_studio.views.widgets.stack_chips import StackBadge
from expert_studio.views.widgets.transcript import COLUMN_WIDTH, Transcript


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What works behind the page."""

    dialogue: Dialogue
    shelf: ConversationShelf
    model_thread: ModelThread
    feedback: Feedback
    background: Background


class ChatPage(QWidget):
    stack_changed = Signal(object)
    answered = Signal(object)
    corrections_chosen = Signal(str)
    library_wanted = Signal()
    settings_wanted = Signal()
    first_run_left = Signal()

    def __init__(
        self,
        parts: ChatParts,
        library: Library,
        notices: Notices,
        first_run: bool,
        corrections: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._dialogue = dialogue = parts.dialogue
        model_thread = parts.model_thread
        self._notices = notices
        self._first_run = first_run
        self._base: BaseDescription | None = None
        self._link = ""
        self._shelf = parts.shelf
        self.header = PageHeader(self.tr("New conversation"))
        self._badge = StackBadge()
        self.conversations = ConversationList()
        self.transcript = Transcript()
        self.first_task = FirstRunPanel(model_thread, library)
        self.empty = EmptyChat()
        self.prompt = PromptBox()
        self.composer = Composer()
        self.feedback = AnswerFeedback(parts.feedback, dialogue, self.transcript, corrections, self)
        self.desk = PromptDesk(
            dialogue, parts.background, self.prompt, self.composer, self.transcript, self
        )
        self.actions_on_list = ConversationActions(
            parts.shelf, dialogue, self.conversations, self.composer, self
        )
        checks = AnswerChecks(model_thread, self)
        self.inquiries = AnswerInquiries(checks, dialogue, self.transcript, self)
        self.compare_view = CompareView()
        self.compare = CompareDesk(
            Comparison(model_thread, self),
            self.compare_view,
            self.composer,
            library,
            self.desk.sampling,
            self,
        )
        self._compare = QPushButton(self.tr("Compare"))
        self._export = QPushButton(self.tr("Export"))
        self._about = QPushButton(self.tr("Instructions"))
        self._middle = QStackedWidget()
        self._build()
        self._connect()
        self._show_middle()
        notices.keep_clear(self.prompt)
        parts.shelf.refresh()
        parts.shelf.list_presets()

    def _build(self) -> None:
        self.setProperty("role", "page")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header.add_state_widget(self._badge)
        for button, told in (
            (self._compare, self.tr("Put one prompt to several stacks side by side")),
            (self._about, self.tr("System prompt and sampling of this conversation")),
            (self._export, self.tr("Export this conversation as Markdown or JSON")),
        ):
            button.setAccessibleName(told)
            button.setToolTip(told)
            self.header.add_action(button)
        column.addWidget(self.header)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.conversations)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        for view in (self.first_task, self.empty, self.transcript, self.compare_view):
            self._middle.addWidget(view)
        middle.addWidget(self._middle, 1)
        box = QHBoxLayout()
        box.setContentsMargins(SIDE_MARGIN, 0, SIDE_MARGIN, 14)
        self.prompt.setMaximumWidth(COLUMN_WIDTH)
        box.addStretch(1)
        box.addWidget(self.prompt, 1000)
        box.addStretch(1)
        middle.addLayout(box)
        row.addLayout(middle, 1)
        row.addWidget(self.composer)
        column.addLayout(row, 1)

    def _connect(self) -> None:
        dialogue = self._dialogue
        self._shelf.listed.connect(self._on_listed)
        self._shelf.failed.connect(self._notices.error)
        dialogue.opened.connect(self._on_opened)
        dialogue.turn_added.connect(self._on_turn_added)
        dialogue.text_arrived.connect(self.transcript.append_text)
        dialogue.prompt_read.connect(self.transcript.show_read)
        dialogue.stack_changed.connect(self.transcript.change_stack)
        dialogue.turn_ended.connect(self._on_turn_ended)
        dialogue.busy_changed.connect(self._on_busy_changed)
        dialogue.failed.connect(self._notices.error)
        self.conversations.chosen.connect(self._on_chosen)
        self.conversations.new_wanted.connect(self._on_new)
        self.actions_on_list.told.connect(self._notices.toast)
        self.actions_on_list.undoable.connect(self._on_undoable)
        self._export.clicked.connect(self._on_export)
        self._about.clicked.connect(self.desk.show_settings)
        self.prompt.sent.connect(self._on_sent)
        self.prompt.stop_wanted.connect(self._on_stop)
        self._compare.setCheckable(True)
        self._compare.toggled.connect(self._on_compare)
        self.compare.busy_changed.connect(self._on_busy_changed)
        self.compare.voted.connect(self.feedback.vote)
        self.compare.failed.connect(self._notices.error)
        self.compare_view.link_followed.connect(self._on_link)
        self._shelf.presets_listed.connect(self.compare.show_presets)
        self.feedback.undoable.connect(self._on_undoable)
        self.prompt.refused.connect(self._notices.warn)
        self.desk.failed.connect(self._notices.error)
        self.feedback.dataset_chosen.connect(self.corrections_chosen)
        self.feedback.told.connect(self._notices.toast)
        self.feedback.kept.connect(self._on_kept)
        self.feedback.failed.connect(self._notices.error)
        self.inquiries.told.connect(self._notices.toast)
        self.inquiries.failed.connect(self._notices.error)
        self.transcript.link_followed.connect(self._on_link)
        self.composer.stack_changed.connect(self._on_stack_changed)
        self.composer.refused.connect(self._notices.error)
        self.composer.library_wanted.connect(self.library_wanted)
        self.first_task.left.connect(self._on_first_task_left)
        self.first_task.larger_base_wanted.connect(self.settings_wanted)
        self.first_task.failed.connect(self._notices.error)
        self.empty.prompt_wanted.connect(self._on_example)
        self.empty.first_task_wanted.connect(self._on_first_task_wanted)
        new = QShortcut(QKeySequence(QKeySequence.StandardKey.New), self)
        new.activated.connect(self._on_new)

    def set_experts(self, experts: tuple[InstalledExpert, ...]) -> None:
        """The library changed. What is shown beside the chat follows in a turn of its own."""
        self.desk.set_experts({expert.name: expert for expert in experts})
        self.composer.set_experts(experts)
        self.inquiries.set_tiers({expert.name: expert.manifest.tier for expert in experts})
        QTimer.singleShot(0, self, partial(self._set_experts_aside, experts))

    def _set_experts_aside(self, experts: tuple[InstalledExpert, ...]) -> None:
        self.first_task.set_experts(experts)
        self.compare.set_experts(experts)

    def set_base(self, base: BaseDescription | None) -> None:
        self._base = base
        self.composer.set_base(base)
        self.first_task.set_base(base)
        self.compare.set_base(base)
        self.desk.set_ready(base is not None)
        self.feedback.set_base(base.name if base is not None else "")
        self._show_context()

    def show_memory(self, memory: MemoryByOwner) -> None:
        self.composer.show_memory(memory)

    def add_to_stack(self, name: str) -> None:
        self.composer.add(name)

    def _show_title(self) -> None:
        conversation, comparing = self._dialogue.conversation, self._compare.isChecked()
        title = conversation.title if conversation is not None else self.tr("New conversation")
        self.header.set_title(self.tr("Side by side") if comparing else title)
        self._export.setEnabled(conversation is not None and not comparing)

    def _show_middle(self) -> None:
        if self._compare.isChecked():
            self._middle.setCurrentWidget(self.compare_view)
        elif self._dialogue.turns:
            self._middle.setCurrentWidget(self.transcript)
        else:
            self._middle.setCurrentWidget(self.first_task if self._first_run else self.empty)

    def _show_context(self) -> None:
        answered = [turn for turn in self._dialogue.turns if turn.timing is not None]
        last = answered[-1] if answered else None
        used = limit = 0
        if last is not None and last.timing is not None:
            used = last.context_used or last.timing.prompt_tokens + last.timing.tokens
            same = self._base and last.stack and last.stack.base_sha256 == self._base.sha256
            limit = last.context_limit if same else 0
        if self._base is not None:
            self.prompt.show_context(used, limit or self._base.context_length)
        else:
            self.prompt.show_context(0, 0)

    @Slot(object)
    def _on_listed(self, conversations: tuple[Conversation, ...]) -> None:
        conversation = self._dialogue.conversation
        self.conversations.show_conversations(
            conversations, conversation.id if conversation is not None else ""
        )
        self._show_title()

    @Slot(object, object)
    def _on_opened(self, conversation: Conversation | None, turns: tuple[Turn, ...]) -> None:
        live = turns[-1].id if turns and self._dialogue.answers(turns[-1].id) else ""
        self._show_middle()  # first: what is built in sight is laid out once
        self.transcript.show_branches(self._dialogue.branches())
        self.transcript.show_turns(turns, live)
        self.desk.take_over(conversation.composition if conversation is not None else None)
        self.conversations.select(conversation.id if conversation is not None else "")
        self._show_title()
        self._show_context()
        self._show_streaming()

    @Slot(object)
    def _on_turn_added(self, turn: Turn) -> None:
        self._show_middle()
        self.transcript.add(turn)
        self.transcript.show_branches(self._dialogue.branches())

    @Slot(object)
    def _on_turn_ended(self, turn: Turn) -> None:
        self.transcript.finish(turn)
        self._show_context()
        if turn.state == "failed" and not turn.text and not self.prompt.text:
            self.prompt.set_text(self._dialogue.last_said)
        self.answered.emit(turn)

    @Slot(bool)
    def _on_busy_changed(self, busy: bool) -> None:
        self._show_streaming()

    def _show_streaming(self) -> None:
        turns = self._dialogue.turns
        here = bool(turns) and self._dialogue.answers(turns[-1].id)
        comparing = self._compare.isChecked()
        busy = self._dialogue.busy or self.compare.busy
        elsewhere = not self.compare.busy if comparing else not here
        self.prompt.set_streaming(busy, elsewhere=elsewhere)

    @Slot(object)
    def _on_sent(self, text: str) -> None:
        if not self._compare.isChecked():
            self.desk.send(text)
        elif self.compare.ask(text, self.desk.system):
            self.prompt.clear()

    @Slot()
    def _on_stop(self) -> None:
        self._dialogue.stop()
        self.compare.stop()

    @Slot(bool)
    def _on_compare(self, comparing: bool) -> None:
        """The columns take the place of conversation and list."""
        self.conversations.setVisible(not comparing)
        self.compare.refresh()
        self._compare.setText(self.tr("Back to chat") if comparing else self.tr("Compare"))
        self.prompt.clear()
        self._show_title()
        self._show_middle()
        self._show_streaming()

    @Slot()
    def _on_export(self) -> None:
        if self._dialogue.conversation is not None:
            self.actions_on_list.export(self._dialogue.conversation)

    @Slot(object)
    def _on_chosen(self, conversation: Conversation) -> None:
        self._dialogue.open(conversation)

    @Slot()
    def _on_new(self) -> None:
        self._dialogue.new()
        self.prompt.focus()

    @Slot(str, object)
    def _on_undoable(self, told: str, undo: Callable[[], None]) -> None:
        self._notices.toast(told, self.tr("Undo"), undo)

    @Slot(object)
    def _on_stack_changed(self, stack: Stack) -> None:
        self._badge.set_stack(stack)
        self.desk.show_grammar()
        if self._base is not None:
            self._dialogue.use_stack(stack)
        self.compare.refresh()
        self.stack_changed.emit(stack)

    @Slot(str, object)
    def _on_kept(self, told: str, kept: Kept) -> None:
        self._notices.toast(told, self.tr("Undo"), lambda: self.feedback.undo(kept))

    @Slot(str)
    def _on_link(self, target: str) -> None:
        self._link = target
        self._notices.ask(
            self.tr("Open this link in your browser?"),
            target,
            self.tr("Open"),
            self._on_link_accepted,
        )

    @Slot()
    def _on_link_accepted(self) -> None:
        QDesktopServices.openUrl(QUrl(self._link))

    @Slot()
    def _on_first_task_left(self) -> None:
        self._first_run = False
        self._show_middle()
        self.prompt.focus()
        self.first_run_left.emit()

    @Slot()
    def _on_first_task_wanted(self) -> None:
        self._first_run = True
        self._show_middle()

    @Slot(str)
    def _on_example(self, prompt: str) -> None:
        self.prompt.set_text(prompt)
        self.prompt.focus()
