"""What the person does to what is kept, conversations and stacks: done, told, taken back.

Stands between the list, the presets of the composer and `runtime.conversation_shelf`; asks
for the name of a file.

Signals:
    told(str): a sentence for the person.
    undoable(str, object): likewise, with a function that takes it back.
"""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from expert_studio.core.inference.turns import Conversation, StackPreset
from expert_studio.runtime.conversation_shelf import ConversationShelf
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.views.widgets.composer import Composer
from expert_studio.views.widgets.conversation_list import ConversationList

MARKDOWN, JSON = "Markdown (*.md)", "JSON (*.json)"


class ConversationActions(QObject):
    told = Signal(str)
    undoable = Signal(str, object)

    def __init__(
        self,
        shelf: ConversationShelf,
        dialogue: Dialogue,
        conversations: ConversationList,
        composer: Composer,
        host: QWidget,
    ) -> None:
        super().__init__(host)
        self._shelf = shelf
        self._dialogue = dialogue
        self._composer = composer
        self._host = host
        self._exporting: Conversation | None = None
        conversations.rename_wanted.connect(self._on_rename)
        conversations.pin_wanted.connect(self._on_pin)
        conversations.archive_wanted.connect(self._on_archive)
        conversations.export_wanted.connect(self.export)
        conversations.delete_wanted.connect(self._on_delete)
        conversations.search_changed.connect(shelf.search)
        conversations.archived_shown.connect(shelf.show_archived)
        dialogue.list_changed.connect(shelf.refresh)
        shelf.presets_listed.connect(composer.presets.show_presets)
        composer.presets.save_wanted.connect(self._on_save_preset)
        composer.presets.drop_wanted.connect(self._on_drop_preset)
        shelf.exported.connect(self._on_exported)

    @Slot(object)
    def export(self, conversation: Conversation) -> None:
        """Asks where to, then writes it there."""
        self._exporting = conversation
        dialog = QFileDialog(self._host, self.tr("Export conversation"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([MARKDOWN, JSON])
        dialog.setDefaultSuffix("md")
        dialog.selectFile(f"{_file_name(conversation.title)}.md")
        dialog.filterSelected.connect(self._on_filter)
        dialog.fileSelected.connect(self._on_file)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _on_filter(self, chosen: str) -> None:
        dialog = self.sender()
        if isinstance(dialog, QFileDialog):
            dialog.setDefaultSuffix("json" if chosen == JSON else "md")

    @Slot(str)
    def _on_file(self, path: str) -> None:
        if self._exporting is not None and path:
            self._shelf.export(self._exporting, Path(path))
        self._exporting = None

    @Slot(object)
    def _on_exported(self, path: Path) -> None:
        self.told.emit(self.tr("Exported to {0}.").format(path.name))

    @Slot(object, str)
    def _on_rename(self, conversation: Conversation, title: str) -> None:
        self._dialogue.renamed(conversation.id, self._shelf.rename(conversation, title))

    @Slot(object, bool)
    def _on_pin(self, conversation: Conversation, pinned: bool) -> None:
        self._shelf.pin(conversation, pinned)

    @Slot(object, bool)
    def _on_archive(self, conversation: Conversation, archived: bool) -> None:
        self._shelf.archive(conversation, archived)
        said = self.tr("“{0}” is on the list again.")
        if archived:
            said = self.tr("“{0}” was archived.")
        self.undoable.emit(
            said.format(conversation.title),
            lambda: self._shelf.archive(conversation, not archived),
        )

    @Slot(object)
    def _on_delete(self, conversation: Conversation) -> None:
        self._shelf.delete(conversation)
        self._dialogue.leave(conversation.id)

        def undo() -> None:
            self._shelf.restore(conversation)
            self._dialogue.open(conversation)

        self.undoable.emit(self.tr("“{0}” was deleted.").format(conversation.title), undo)

    @Slot(str)
    def _on_save_preset(self, name: str) -> None:
        self._shelf.keep_preset(StackPreset(name, self._composer.composition))
        self.told.emit(self.tr("This stack is saved as “{0}”.").format(name))

    @Slot(object)
    def _on_drop_preset(self, preset: StackPreset) -> None:
        self._shelf.drop_preset(preset.name)
        told = self.tr("The saved stack “{0}” was deleted.").format(preset.name)
        self.undoable.emit(told, lambda: self._shelf.keep_preset(preset))


def _file_name(title: str) -> str:
    """A title as a name that every system takes."""
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', " ", title).strip(" .")
    return name[:80] or "conversation"
