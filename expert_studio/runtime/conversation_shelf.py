"""The conversations that are kept, and the stacks saved under a name. Lives on the main thread.

Reads and writes the history only through the serial background lane. Knows nothing of
widgets or of what is being answered.

Signals:
    listed(tuple[Conversation, ...]): the list after a refresh.
    presets_listed(tuple[StackPreset, ...]): the saved stacks, after each change of them.
    exported(Path): a conversation stands in this file.
    failed(ExpertError): something could not be read or kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.conversation_export import write_conversation
from expert_studio.core.inference.history import History
from expert_studio.core.inference.turns import Conversation, StackPreset, short_title

if TYPE_CHECKING:
    from expert_studio.runtime.background import Background


class ConversationShelf(QObject):
    listed = Signal(object)
    presets_listed = Signal(object)
    exported = Signal(object)
    failed = Signal(object)

    def __init__(self, history: History, lane: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._lane = lane
        self._search = ""
        self._archived = False

    @Slot()
    def refresh(self) -> None:
        """Lists the conversations again, as they were looked for last."""
        self._run(
            self._history.conversations, self._search, self._archived, on_done=self._on_listed
        )

    @Slot(str)
    def search(self, text: str) -> None:
        self._search = text
        self.refresh()

    @Slot(bool)
    def show_archived(self, archived: bool) -> None:
        """Lists the archived ones, or the others."""
        self._archived = archived
        self.refresh()

    def rename(self, conversation: Conversation, title: str) -> str:
        """Returns the title as it is kept."""
        title = short_title(title)
        self._change(self._history.rename, conversation.id, title)
        return title

    def pin(self, conversation: Conversation, pinned: bool) -> None:
        self._change(self._history.pin, conversation.id, pinned)

    def archive(self, conversation: Conversation, archived: bool) -> None:
        self._change(self._history.archive, conversation.id, archived)

    def delete(self, conversation: Conversation) -> None:
        """Takes it off the list; `restore` puts it back."""
        self._change(self._history.delete, conversation.id)

    def restore(self, conversation: Conversation) -> None:
        self._change(self._history.restore, conversation.id)

    def export(self, conversation: Conversation, path: Path) -> None:
        """Writes it as Markdown or, by the file's name, as JSON."""
        self._run(_export, self._history, conversation, path, on_done=self._on_exported)

    def list_presets(self) -> None:
        self._run(self._history.presets, on_done=self._on_presets)

    def keep_preset(self, preset: StackPreset) -> None:
        self._run(self._history.keep_preset, preset)
        self.list_presets()

    def drop_preset(self, name: str) -> None:
        self._run(self._history.drop_preset, name)
        self.list_presets()

    def _change(self, function: Any, *args: Any) -> None:
        self._run(function, *args)
        self.refresh()

    def _run(self, function: Any, *args: Any, on_done: Any = None) -> None:
        self._lane.run(function, *args, on_done=on_done, on_failed=self._on_failed)

    @Slot(object)
    def _on_listed(self, conversations: tuple[Conversation, ...]) -> None:
        self.listed.emit(conversations)

    @Slot(object)
    def _on_presets(self, presets: tuple[StackPreset, ...]) -> None:
        self.presets_listed.emit(presets)

    @Slot(object)
    def _on_exported(self, path: Path) -> None:
        self.exported.emit(path)

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)


def _export(history: History, conversation: Conversation, path: Path) -> Path:
    write_conversation(path, conversation, history.thread(conversation.id))
    return path
