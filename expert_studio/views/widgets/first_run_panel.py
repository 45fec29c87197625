"""The first task: one prompt, answered with no expert, with one and with several, side by side.

Above it the computer and the base in plain words (`welcome_card`). Can be skipped.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference import first_run
from expert_studio.core.inference.conversation import Answer, BaseDescription
from expert_studio.core.inference.first_run import FirstTask
from expert_studio.runtime.model_thread import ModelThread
from expert_studio.views import theme
from expert_studio.views.widgets.column_scroll import ColumnScroll
from expert_studio.views.widgets.first_run_answer import FirstRunAnswer
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.welcome_card import WelcomeCard

COLUMN_WIDTH = 840
LEAST_BESIDE = 560


class FirstRunPanel(ColumnScroll):
    """Signals:
    left(): the person skips the task or is done with it.
    larger_base_wanted(): the person wants to choose among the bases.
    failed(ExpertError): a step could not be answered.
    """

    left = Signal()
    larger_base_wanted = Signal()
    failed = Signal(object)

    def __init__(
        self, model_thread: ModelThread, library: Library, parent: QWidget | None = None
    ) -> None:
        super().__init__(COLUMN_WIDTH, parent)
        self._model_thread = model_thread
        self._library = library
        self._experts: tuple[InstalledExpert, ...] = ()
        self._base: BaseDescription | None = None
        self._task: FirstTask = first_run.TASKS[0]
        self._requests: dict[str, FirstRunAnswer] = {}
        self._prompt = PlainLabel()
        self.welcome = WelcomeCard()
        self._state = PlainLabel()
        self._run = QPushButton()
        self._skip = QPushButton(self.tr("Skip"))
        self._tasks: list[QPushButton] = []
        self._answers: list[FirstRunAnswer] = []
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._task_line = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._build()
        self._connect()
        self._show_task()

    def _build(self) -> None:
        column = QVBoxLayout(self.column)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(self._head())
        column.addWidget(self.welcome)
        column.addLayout(self._task_row())
        column.addWidget(self._prompt_card())
        self._columns.setSpacing(10)
        column.addLayout(self._columns)
        self._state.setProperty("role", "small")
        self._state.setWordWrap(True)
        column.addWidget(self._state)
        column.addStretch(1)

    def _head(self) -> QVBoxLayout:
        head = QVBoxLayout()
        head.setSpacing(4)
        title = PlainLabel(self.tr("One prompt, three stacks"))
        title.setProperty("role", "figure")
        detail = PlainLabel(
            self.tr("See what each expert adds before you choose your own on the right.")
        )
        detail.setProperty("role", "muted")
        detail.setWordWrap(True)
        head.addWidget(title)
        head.addWidget(detail)
        return head

    def _task_row(self) -> QBoxLayout:
        names, actions = QHBoxLayout(), QHBoxLayout()
        names.setSpacing(4)
        actions.setSpacing(4)
        group = QButtonGroup(self)
        for index, task in enumerate(first_run.TASKS):
            button = QPushButton(self.tr(task.name))
            button.setCheckable(True)
            button.setChecked(index == 0)
            button.setProperty("role", "segment")
            button.setAccessibleName(self.tr(task.name))
            group.addButton(button, index)
            self._tasks.append(button)
            names.addWidget(button)
        group.idClicked.connect(self._on_task)
        names.addStretch(1)
        actions.addStretch(1)
        for button, role in ((self._skip, "quiet"), (self._run, "primary")):
            button.setProperty("role", role)
            actions.addWidget(button)
        self._run.setText(self.tr("Run all three"))
        self._run.setAccessibleName(self.tr("Answer this prompt with all three stacks"))
        self._skip.setAccessibleName(self.tr("Skip the first task"))
        self._task_line.addLayout(names, 1)
        self._task_line.addLayout(actions)
        return self._task_line

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside one another where there is room, else below."""
        super().resizeEvent(event)
        wide = self.viewport().width() >= theme.scaled(LEAST_BESIDE)
        direction = QBoxLayout.Direction
        for layout in (self._task_line, self._columns):
            layout.setDirection(direction.LeftToRight if wide else direction.TopToBottom)

    def _prompt_card(self) -> QFrame:
        card = QFrame()
        card.setProperty("role", "bubble")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(14, 11, 14, 11)
        self._prompt.setWordWrap(True)
        self._prompt.setTextFormat(Qt.TextFormat.PlainText)
        self._prompt.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inside.addWidget(self._prompt)
        return card

    def _connect(self) -> None:
        self._run.clicked.connect(self.run)
        self._skip.clicked.connect(self._on_left)
        self.welcome.choice_wanted.connect(self.larger_base_wanted)
        self._model_thread.text_arrived.connect(self._on_text_arrived)
        self._model_thread.answer_finished.connect(self._on_answer_finished)
        self._model_thread.answer_failed.connect(self._on_answer_failed)

    @property
    def answers(self) -> tuple[FirstRunAnswer, ...]:
        return tuple(self._answers)

    @property
    def base_told(self) -> str:
        """What is said about this computer and the base."""
        return self.welcome.told

    @property
    def running(self) -> bool:
        return bool(self._requests)

    def set_base(self, base: BaseDescription | None) -> None:
        self._base = base
        self.welcome.set_base(base)
        self._show_state()

    def set_experts(self, experts: tuple[InstalledExpert, ...]) -> None:
        """What the library holds now."""
        self._experts = experts
        if not self._requests:
            self._show_task()

    @Slot()
    def run(self) -> None:
        """Asks all steps, one after the other, greedily; stops them when pressed again."""
        if self._requests:
            self.stop()
            return
        if self._base is None:
            return
        try:
            stacks = first_run.stacks(self._task, self._library, self._base)
        except ExpertError as error:
            self.failed.emit(error)
            return
        for view, stack in zip(self._answers, stacks, strict=True):
            view.begin(stack)
            request = self._model_thread.ask(self._task.messages, stack, first_run.SAMPLING)
            self._requests[request] = view
        self._show_state()

    def stop(self) -> None:
        for request in self._requests:
            self._model_thread.stop(request)

    def _show_task(self) -> None:
        self._prompt.setText(self._task.prompt)
        for view in self._answers:
            self._columns.removeWidget(view)
            view.hide()
            view.deleteLater()
        tiers = {expert.name: expert.manifest.tier for expert in self._experts}
        self._answers = [
            FirstRunAnswer(first_run.members(step, self._experts), tiers)
            for step in self._task.steps
        ]
        for view in self._answers:
            self._columns.addWidget(view, 1)
        self._show_state()

    def _show_state(self) -> None:
        absent = first_run.missing(self._task, self._experts)
        told = ""
        if absent:
            told = self.tr("Not installed yet: {0}.").format(", ".join(absent))
        self._state.setText(told)
        self._state.setVisible(bool(told))
        self._run.setText(self.tr("Stop") if self._requests else self.tr("Run all three"))
        theme.restyle(self._run, role="" if self._requests else "primary")
        self._run.setEnabled(bool(self._requests) or (self._base is not None and not absent))
        for button in self._tasks:
            button.setEnabled(not self._requests)

    @Slot(int)
    def _on_task(self, index: int) -> None:
        self._task = first_run.TASKS[index]
        self._show_task()

    @Slot()
    def _on_left(self) -> None:
        self.stop()
        self.left.emit()

    @Slot(str, object)
    def _on_text_arrived(self, request: str, text: str) -> None:
        if request in self._requests:
            self._requests[request].append(text)

    @Slot(str, object)
    def _on_answer_finished(self, request: str, answer: Answer) -> None:
        view = self._requests.pop(request, None)
        if view is None:
            return
        view.finish(answer)
        if not self._requests:
            self._skip.setText(self.tr("Ask something yourself"))
            self._skip.setAccessibleName(self.tr("Close the first task and begin to chat"))
        self._show_state()

    @Slot(str, object)
    def _on_answer_failed(self, request: str, error: ExpertError) -> None:
        view = self._requests.pop(request, None)
        if view is None:
            return
        view.fail()
        self.failed.emit(error)
        self._show_state()
