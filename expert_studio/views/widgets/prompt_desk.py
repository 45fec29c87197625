"""What is asked next, and how: message, files, settings of the conversation, stack.

Stands between the prompt box, the composer and `runtime.dialogue`. Knows no page.

Signals:
    failed(ExpertError): a file cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, Signal, Slot
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.inference.attached_text import AttachedText, read_attached
from expert_studio.core.inference.conversation import Sampling
from expert_studio.core.inference.decoding import sampling_for
from expert_studio.core.inference.manifest_grammar import asked_grammar
from expert_studio.core.inference.stack import Stack
from expert_studio.core.inference.turns import Composition
from expert_studio.runtime.background import Background
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.views.widgets.composer import Composer
from expert_studio.views.widgets.conversation_dialog import ConversationDialog
from expert_studio.views.widgets.prompt_box import PromptBox
from expert_studio.views.widgets.prompt_editor import text_files_in
from expert_studio.views.widgets.sampling_presets import CUSTOM
from expert_studio.views.widgets.transcript import Transcript


class PromptDesk(QObject):
    failed = Signal(object)

    def __init__(
        self,
        dialogue: Dialogue,
        background: Background,
        prompt: PromptBox,
        composer: Composer,
        transcript: Transcript,
        host: QWidget,
    ) -> None:
        super().__init__(host)
        self._dialogue = dialogue
        self._background = background
        self._prompt = prompt
        self._composer = composer
        self._transcript = transcript
        self._host = host
        self._experts: Mapping[str, InstalledExpert] = {}
        self._ready = False
        self._system = ""
        self._edited = ""  # the turn in whose place the next message stands
        host.setAcceptDrops(True)
        host.installEventFilter(self)
        self._connect()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Text files may be dropped anywhere on the page; a package goes on to the window."""
        if event.type() == QEvent.Type.DragLeave:
            self._prompt.show_drop(False)
        if isinstance(event, QDropEvent) and event.mimeData().hasUrls():  # entering is one, too
            paths = text_files_in(event.mimeData())
            self._prompt.show_drop(bool(paths) and event.type() != QEvent.Type.Drop)
            if not paths:
                event.ignore()
                return True
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self.read(paths)
            return True
        return super().eventFilter(watched, event)

    def _connect(self) -> None:
        prompt, transcript = self._prompt, self._transcript
        prompt.files_given.connect(self.read)
        prompt.edit_left.connect(self._on_edit_left)
        prompt.grammar_switched.connect(self._composer.use_grammar)
        prompt.presets.chosen.connect(self._on_setting)
        prompt.presets.custom_wanted.connect(self.show_settings)
        self._composer.composition_changed.connect(self._on_setting)
        transcript.regenerate_wanted.connect(self._on_regenerate)
        transcript.continue_wanted.connect(self._on_continue)
        transcript.edit_wanted.connect(self._on_edit)
        transcript.branch_wanted.connect(self._dialogue.look_at)

    @property
    def composition(self) -> Composition:
        """What the conversation is asked with from now on."""
        presets = self._prompt.presets
        return replace(
            self._composer.composition,
            system=self._system,
            preset=presets.key,
            sampling=presets.asked if presets.key == CUSTOM else {},
        )

    def sampling(self, stack: Stack) -> Sampling:
        """What the person chose, then what the experts of the stack advise, then the defaults."""
        members = (self._experts.get(member.name) for member in stack.members)
        asked = dict(self._prompt.asked)
        grammar = asked_grammar(stack, self._experts)
        if grammar is not None and self._composer.composition.grammar:
            asked["constraint"] = grammar.constraint
        return sampling_for(asked, [expert.manifest for expert in members if expert])

    @property
    def system(self) -> str:
        return self._system

    def set_experts(self, experts: Mapping[str, InstalledExpert]) -> None:
        """By name: those that are installed."""
        self._experts = experts

    def set_ready(self, ready: bool) -> None:
        """Whether there is a base to answer."""
        self._ready = ready
        self._prompt.set_ready(ready)

    def show_grammar(self) -> None:
        """What the experts of the stack ask answers to keep to."""
        grammar = asked_grammar(self._composer.stack, self._experts)
        if grammar is None:
            self._prompt.show_grammar("", "", False)
            return
        kind, on = grammar.constraint.name, self._composer.composition.grammar
        self._prompt.show_grammar(grammar.expert, kind, on)

    def take_over(self, composition: Composition | None) -> None:
        """What the conversation that is opened was last asked with; None for a new one."""
        self._edited = ""
        self._prompt.set_editing(False)
        self._system = composition.system if composition is not None else ""
        if composition is not None:
            self._prompt.presets.set_preset(composition.preset, composition.sampling)
            self._composer.set_composition(composition)

    def send(self, text: str) -> None:
        """Asks the conversation, or in the place of the message that is edited."""
        stack = self._composer.stack
        sampling = self.sampling(stack)
        if self._edited:
            asked = self._dialogue.edit(self._edited, text, stack, sampling)
        else:
            asked = self._dialogue.ask(text, stack, sampling, self.composition)
        if asked:
            self._prompt.clear()

    @Slot(object)
    def read(self, paths: tuple[Path, ...]) -> None:
        """Gives text files to the next message."""
        for path in paths:
            self._background.run(
                read_attached, path, on_done=self._on_attached, on_failed=self._on_unreadable
            )

    @Slot()
    def show_settings(self) -> None:
        """Asks for system prompt and sampling of the conversation."""
        presets = self._prompt.presets
        own = presets.key == CUSTOM
        dialog = ConversationDialog(self._system, presets.asked, own, self._host)
        dialog.decided.connect(self._on_decided)
        dialog.open()

    @Slot()
    def _on_setting(self) -> None:
        self._dialogue.keep_composition(self.composition)

    @Slot(str, object)
    def _on_decided(self, system: str, sampling: dict[str, Any] | None) -> None:
        self._system = system
        presets = self._prompt.presets
        if sampling is not None:
            presets.set_preset(CUSTOM, sampling)
        elif presets.key == CUSTOM:
            presets.set_preset("", {})
        self._on_setting()

    @property
    def _can_answer(self) -> bool:
        # without a base the answer that stands would be given up for none
        return self._ready and not self._dialogue.busy

    @Slot()
    def _on_regenerate(self) -> None:
        if self._can_answer:
            stack = self._composer.stack
            self._transcript.drop_last_answer()
            self._dialogue.regenerate(stack, self.sampling(stack))

    @Slot()
    def _on_continue(self) -> None:
        if self._can_answer:
            stack = self._composer.stack
            self._transcript.drop_last_answer()
            self._dialogue.go_on(stack, self.sampling(stack))

    @Slot(str)
    def _on_edit(self, turn: str) -> None:
        said = next((each for each in self._dialogue.turns if each.id == turn), None)
        if said is not None:
            self._prompt.clear()
            self._edited = turn
            self._prompt.set_text(said.text)
            self._prompt.set_editing(True)
            self._prompt.focus()

    @Slot()
    def _on_edit_left(self) -> None:
        self._edited = ""

    @Slot(object)
    def _on_attached(self, file: AttachedText) -> None:
        self._prompt.attach(file)

    @Slot(object)
    def _on_unreadable(self, error: ExpertError) -> None:
        self.failed.emit(error)
