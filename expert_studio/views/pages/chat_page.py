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

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import BaseDescription, MemoryByOwner, Sampling
from expert_studio.core.inference.decoding import sampling_for
from expert_studio.core.inference.history import Conversation, Turn
from expert_studio.core.inference.manifest_grammar import asked_grammar
from expert_studio.core.inference.stack import Stack
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.runtime.feedback import Feedback, Kept
from expert_studio.runtime.model_thread import ModelThread
from expert_studio.views.notices import Notices
from expert_studio.views.widgets.answer_feedback import AnswerFeedback
from expert_studio.views.widgets.column_scroll import SIDE_MARGIN
from expert_studio.views.widgets.composer import Composer
from expert_studio.views.widgets.conversation_list import ConversationList
from expert_studio.views.widgets.empty_chat import EmptyChat
from expert_studio.views.widgets.first_run_panel import FirstRunPanel
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.prompt_box import PromptBox
from expert_studio.views.widgets.stack_chips import StackBadge
from expert_studio.views.widgets.transcript import COLUMN_WIDTH, Transcript


class ChatPage(QWidget):
    stack_changed = Signal(object)
    answered = Signal(object)
    corrections_chosen = Signal(str)
    library_wanted = Signal()
    settings_wanted = Signal()
    first_run_left = Signal()

    def __init__(
        self,
        dialogue: Dialogue,
        model_thread: ModelThread,
        library: Library,
        notices: Notices,
        first_run: bool,
        feedback: Feedback,
        corrections: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._dialogue = dialogue
        self._notices = notices
        self._first_run = first_run
        self._base: BaseDescription | None = None
        self._experts: dict[str, InstalledExpert] = {}
        self._link = ""
        self.header = PageHeader(self.tr("New conversation"))
        self._badge = StackBadge()
        self.conversations = ConversationList()
        self.transcript = Transcript()
        self.first_task = FirstRunPanel(model_thread, library)
        self.empty = EmptyChat()
        self.prompt = PromptBox()
        self.composer = Composer(library)
        self.feedback = AnswerFeedback(feedback, dialogue, self.transcript, corrections, self)
        self._middle = QStackedWidget()
        self._build()
        self._connect()
        self._show_middle()
        notices.keep_clear(self.prompt)
        dialogue.refresh()

    def _build(self) -> None:
        self.setProperty("role", "page")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header.add_state_widget(self._badge)
        column.addWidget(self.header)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.conversations)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        for view in (self.first_task, self.empty, self.transcript):
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
        dialogue.listed.connect(self._on_listed)
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
        self.conversations.search_changed.connect(dialogue.refresh)
        self.conversations.rename_wanted.connect(self._on_rename)
        self.conversations.delete_wanted.connect(self._on_delete)
        self.prompt.sent.connect(self._on_sent)
        self.prompt.stop_wanted.connect(dialogue.stop)
        self.prompt.grammar_switched.connect(self.composer.use_grammar)
        self.feedback.dataset_chosen.connect(self.corrections_chosen)
        self.feedback.told.connect(self._notices.toast)
        self.feedback.kept.connect(self._on_kept)
        self.feedback.failed.connect(self._notices.error)
        self.transcript.regenerate_wanted.connect(self._on_regenerate)
        self.transcript.link_followed.connect(self._on_link)
        self.composer.stack_changed.connect(self._on_stack_changed)
        self.composer.composition_changed.connect(dialogue.keep_composition)
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
        """The library changed."""
        self._experts = {expert.name: expert for expert in experts}
        self.composer.set_experts(experts)
        self.first_task.set_experts(experts)

    def set_base(self, base: BaseDescription | None) -> None:
        self._base = base
        self.composer.set_base(base)
        self.first_task.set_base(base)
        self.prompt.set_ready(base is not None)
        self.feedback.set_base(base.name if base is not None else "")
        self._show_context()

    def show_memory(self, memory: MemoryByOwner) -> None:
        self.composer.show_memory(memory)

    def add_to_stack(self, name: str) -> None:
        self.composer.add(name)

    def _sampling(self) -> Sampling:
        """What the person chose, then what the experts of the stack advise, then the defaults."""
        members = (self._experts.get(member.name) for member in self.composer.stack.members)
        asked = dict(self.prompt.asked)
        grammar = asked_grammar(self.composer.stack, self._experts)
        if grammar is not None and self.composer.composition.grammar:
            asked["constraint"] = grammar.constraint
        return sampling_for(asked, [expert.manifest for expert in members if expert])

    def _show_grammar(self) -> None:
        grammar = asked_grammar(self.composer.stack, self._experts)
        if grammar is None:
            self.prompt.show_grammar("", "", False)
            return
        kind, on = grammar.constraint.name, self.composer.composition.grammar
        self.prompt.show_grammar(grammar.expert, kind, on)

    def _show_middle(self) -> None:
        if self._dialogue.turns:
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
        if conversation is not None:
            self.header.set_title(conversation.title)

    @Slot(object, object)
    def _on_opened(self, conversation: Conversation | None, turns: tuple[Turn, ...]) -> None:
        live = turns[-1].id if turns and self._dialogue.answers(turns[-1].id) else ""
        self.transcript.show_turns(turns, live)
        self.feedback.mark_all()
        if conversation is None:
            self.header.set_title(self.tr("New conversation"))
            self.conversations.select("")
        else:
            self.header.set_title(conversation.title)
            self.conversations.select(conversation.id)
            self.composer.set_composition(conversation.composition)
        self._show_middle()
        self._show_context()
        self._show_streaming()

    @Slot(object)
    def _on_turn_added(self, turn: Turn) -> None:
        self.transcript.add(turn)
        self._show_middle()

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
        self.prompt.set_streaming(self._dialogue.busy, elsewhere=not here)

    @Slot(str)
    def _on_sent(self, text: str) -> None:
        composer = self.composer
        asked = self._dialogue.ask(text, composer.stack, self._sampling(), composer.composition)
        if asked:
            self.prompt.set_text("")

    @Slot()
    def _on_regenerate(self) -> None:
        # without a base the answer that stands would be given up for none
        if self._base is not None and not self._dialogue.busy:
            self.transcript.drop_last_answer()
            self._dialogue.regenerate(self.composer.stack, self._sampling())

    @Slot(object)
    def _on_chosen(self, conversation: Conversation) -> None:
        self._dialogue.open(conversation)

    @Slot()
    def _on_new(self) -> None:
        self._dialogue.new()
        self.prompt.focus()

    @Slot(object, str)
    def _on_rename(self, conversation: Conversation, title: str) -> None:
        self._dialogue.rename(conversation, title)

    @Slot(object)
    def _on_delete(self, conversation: Conversation) -> None:
        self._dialogue.delete(conversation)
        self._notices.toast(
            self.tr("“{0}” was deleted.").format(conversation.title),
            self.tr("Undo"),
            lambda: self._dialogue.restore(conversation),
        )

    @Slot(object)
    def _on_stack_changed(self, stack: Stack) -> None:
        self._badge.set_stack(stack)
        self._show_grammar()
        if self._base is not None:
            self._dialogue.use_stack(stack)
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
