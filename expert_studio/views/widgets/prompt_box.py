"""Where the person writes: Enter sends, Shift+Enter breaks the line. Knows no engine."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.datasets.document_prompt import asks_for_a_class, classification_prompt
from expert_studio.core.inference.attached_text import AttachedText, with_attached
from expert_studio.views import theme
from expert_studio.views.widgets.attachment_row import AttachmentRow
from expert_studio.views.widgets.context_meter import ContextMeter
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.prompt_editor import PromptEditor
from expert_studio.views.widgets.sampling_presets import SamplingPresets

MOST_LINES = 8
LEAST_LINES = 2


class PromptBox(QFrame):
    """Signals:
    sent(str): the person asks this.
    stop_wanted(): Stop or Esc while an answer streams.
    grammar_switched(bool): whether the expert's grammar shall hold the answer.
    files_given(tuple[Path, ...]): files to read and give to the next message.
    edit_left(): what was being edited stays as it is.
    refused(str): why something cannot be given to the message.
    """

    sent = Signal(object)  # as an object, megabytes are handed on, not copied
    stop_wanted = Signal()
    grammar_switched = Signal(bool)
    files_given = Signal(object)
    edit_left = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "field")
        self._editor = PromptEditor()
        self.presets = SamplingPresets()
        self._attached = AttachmentRow()
        self._editing = QFrame()
        self._leave = QPushButton(self.tr("Cancel"))
        self._grammar = QToolButton()
        self._context = ContextMeter()
        self._hint = PlainLabel()
        self._send = QPushButton(self.tr("Send"))
        self._streaming = False
        self._elsewhere = False
        self._ready = False
        self._build()
        self._connect()
        self._show_state()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 11, 12, 10)
        column.setSpacing(8)
        column.addWidget(self._build_editing())
        column.addWidget(self._attached)
        self.show_drop(False)
        self._editor.setAccessibleName(self.tr("Your message"))
        self._editor.setTabChangesFocus(True)
        self._editor.document().setDocumentMargin(1)
        self._editor.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self._editor.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._editor.installEventFilter(self)
        column.addWidget(self._editor)
        row = QHBoxLayout()
        row.setSpacing(10)
        self._grammar.setProperty("role", "pill")
        self._grammar.setCheckable(True)
        self._grammar.setAccessibleName(self.tr("What answers keep to"))
        self._grammar.hide()
        self._hint.setProperty("role", "faint")
        row.addWidget(self.presets)
        row.addWidget(self._grammar)
        row.addWidget(self._context)
        row.addStretch(1)
        row.addWidget(self._hint)
        row.addWidget(self._send)
        column.addLayout(row)

    def _build_editing(self) -> QFrame:
        row = QHBoxLayout(self._editing)
        row.setContentsMargins(0, 0, 0, 0)
        told = PlainLabel(self.tr("Editing an earlier message: the answer begins anew from there"))
        told.setProperty("role", "small")
        self._leave.setProperty("role", "quiet")
        self._leave.setAccessibleName(self.tr("Leave the message as it was"))
        self._leave.clicked.connect(self._on_leave)
        row.addWidget(told, 1)
        row.addWidget(self._leave)
        self._editing.hide()
        return self._editing

    def _connect(self) -> None:
        self._editor.files_dropped.connect(self.files_given)
        self._editor.files_over.connect(self.show_drop)
        self._editor.long_pasted.connect(self._on_long_pasted)
        self._attached.changed.connect(self._show_state)
        self._editor.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._editor.textChanged.connect(self._show_state)
        self._send.clicked.connect(self._on_button)
        self._grammar.clicked.connect(self.grammar_switched)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        escape.setContext(Qt.ShortcutContext.WindowShortcut)
        escape.activated.connect(self._on_escape)
        self._fit()

    @property
    def asked(self) -> dict[str, Any]:
        """The fields of `Sampling` the person's choice sets; experts advise on the others."""
        return self.presets.asked

    @Slot(bool)
    def show_drop(self, over: bool) -> None:
        """Whether a text file is held over the page."""
        theme.restyle(self, dropping=over)
        told = self.tr("Ask the stack… drop a text file to give it along")
        self._editor.setPlaceholderText(self.tr("Let go to give the file along") if over else told)

    @property
    def attached(self) -> tuple[AttachedText, ...]:
        return self._attached.files

    def attach(self, file: AttachedText) -> None:
        """Gives a file to the next message."""
        if not self._attached.add(file):
            self.refused.emit(self.tr("One message takes six files at most."))

    @property
    def editing(self) -> bool:
        """Whether what is sent stands in the place of something said earlier."""
        return not self._editing.isHidden()

    def set_editing(self, editing: bool) -> None:
        self._editing.setVisible(editing)
        self._show_state()

    @property
    def hint(self) -> str:
        """What is said beside the button, or "" where there is no room for it."""
        return "" if self._hint.isHidden() else self._hint.text()

    @property
    def text(self) -> str:
        return self._editor.toPlainText()

    def set_text(self, text: str) -> None:
        self._editor.write(text)

    def clear(self) -> None:
        """Nothing written, nothing attached, nothing edited."""
        self._editor.clear()
        self._attached.clear()
        self.set_editing(False)

    def focus(self) -> None:
        self._editor.setFocus()

    def set_ready(self, ready: bool) -> None:
        """Whether there is a base to answer; text can be written either way."""
        self._ready = ready
        self._show_state()

    def set_streaming(self, streaming: bool, elsewhere: bool = False) -> None:
        """`elsewhere`: it is another conversation that is being answered."""
        self._streaming = streaming
        self._elsewhere = elsewhere
        self._show_state()

    def show_context(self, used_tokens: int, length_tokens: int) -> None:
        """How much of the base's context the conversation takes."""
        self._context.show_context(used_tokens, length_tokens)
        self._fit_hint()

    @property
    def context(self) -> str:
        """What is said of the context."""
        return self._context.told

    def show_grammar(self, expert: str, kind: str, on: bool) -> None:
        """The constraint an expert of the stack asks for; "" hides the chip.

        kind: what it is, in words: "grammar", "JSON schema".
        """
        self._grammar.setVisible(bool(expert))
        state = self.tr("on") if on else self.tr("off")
        self._grammar.setText(self.tr("{0}: {1}").format(kind[:1].upper() + kind[1:], state))
        self._grammar.setChecked(on)
        told = (
            self.tr("Answers keep to the {0} of {1}. Press to let them be free.")
            if on
            else self.tr("{1} asks for its {0}; it is switched off.")
        ).format(kind, expert)
        self._grammar.setToolTip(told)
        self._grammar.setAccessibleName(told)
        self._fit_hint()

    @property
    def grammar(self) -> str:
        """What the chip says, or "" where there is none."""
        return "" if self._grammar.isHidden() else self._grammar.text()

    def press_grammar(self) -> None:
        """As by hand."""
        self._grammar.click()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._editor:
            if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
                theme.restyle(self, focused=event.type() == QEvent.Type.FocusIn)
            elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                return self._on_key(event)
        return super().eventFilter(watched, event)

    def _on_key(self, event: QKeyEvent) -> bool:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            if not self._streaming:
                self._submit()
            return True
        return False

    def _submit(self) -> None:
        if self._ready and self._says_something:
            self.sent.emit(self._message())

    def _message(self) -> str:
        """What is said, with the files; one whose class is asked as classifiers learned it."""
        files = self.attached
        if len(files) == 1 and asks_for_a_class(self.text):
            return classification_prompt(files[0].name, files[0].text)
        return with_attached(self.text, files)

    @property
    def _says_something(self) -> bool:
        return bool(self.text.strip() or self._attached.files)

    @Slot()
    def _show_state(self) -> None:
        told = self.tr("Stop · Esc") if self._streaming else self.tr("Send")
        if told != self._send.accessibleName():
            self._send.setText(told)
            self._send.setAccessibleName(told)
            theme.restyle(self._send, role="" if self._streaming else "primary")
        hint = self.tr("Enter to send · Shift+Enter for a new line")
        if self._streaming:
            hint = self.tr("Answering another conversation") if self._elsewhere else ""
        elif not self._ready:
            hint = self.tr("A base must be loaded first")
        self._hint.setText(hint)
        self._fit_hint()
        self._send.setEnabled(self._streaming or (self._ready and self._says_something))

    def _fit_hint(self) -> None:
        """The meter's bar is the first to go where the row is too narrow, the hint the second."""
        others = [w for w in (self.presets, self._grammar, self._send) if not w.isHidden()]
        taken = sum(w.sizeHint().width() + 12 for w in others) + 25
        meter, hint = self._context, self._hint.sizeHint().width() + 12
        taken += 0 if meter.isHidden() else 12
        fits = taken + hint + meter.room(compact=True) <= self.width()
        meter.set_compact(taken + (hint if fits else 0) + meter.room(compact=False) > self.width())
        self._hint.setVisible(fits)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_hint()

    @Slot()
    def _on_button(self) -> None:
        if self._streaming:
            self.stop_wanted.emit()
        else:
            self._submit()

    @Slot()
    def _on_escape(self) -> None:
        if self._streaming:
            self.stop_wanted.emit()
        elif self.editing:
            self._on_leave()

    @Slot()
    def _on_leave(self) -> None:
        self.clear()
        self.edit_left.emit()

    @Slot(object)
    def _on_long_pasted(self, text: str) -> None:
        self.attach(AttachedText(self.tr("pasted text"), text))

    @Slot()
    def _fit(self) -> None:
        line = self._editor.fontMetrics().lineSpacing()
        lines = max(LEAST_LINES, min(MOST_LINES, self._editor.document().size().toSize().height()))
        self._editor.setFixedHeight(int(lines * line + 4))
