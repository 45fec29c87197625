"""One prompt put to several stacks at once. Lives on the main thread.

Each column keeps the stack it was asked with, whatever is chosen or moved meanwhile: what
arrives is told by the place it was asked in. Knows nothing of widgets or of votes.

Signals:
    begun(tuple[Question, ...]): one a column, in order.
    text_arrived(int, str): column and new text.
    ended(tuple[Answer, ...]): one a column; or () where it failed.
    failed(ExpertError): it could not be asked; `ended` follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.conversation import Answer, Question

if TYPE_CHECKING:
    from expert_studio.runtime.model_thread import ModelThread

FEWEST, MOST = 2, 4


class Comparison(QObject):
    begun = Signal(object)
    text_arrived = Signal(int, object)
    ended = Signal(object)
    failed = Signal(object)

    def __init__(self, model_thread: ModelThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model_thread = model_thread
        self._request = ""
        model_thread.part_arrived.connect(self._on_part)
        model_thread.all_finished.connect(self._on_finished)
        model_thread.answer_failed.connect(self._on_failed)

    @property
    def busy(self) -> bool:
        return bool(self._request)

    def ask(self, questions: Sequence[Question]) -> bool:
        """Returns False, and does nothing, while one is under way or of less than two stacks."""
        if self.busy or not FEWEST <= len(questions) <= MOST:
            return False
        self.begun.emit(tuple(questions))
        self._request = self._model_thread.ask_together(questions)
        return True

    @Slot()
    def stop(self) -> None:
        if self._request:
            self._model_thread.stop(self._request)

    @Slot(str, int, object)
    def _on_part(self, request: str, column: int, text: str) -> None:
        if request == self._request:
            self.text_arrived.emit(column, text)

    @Slot(str, object)
    def _on_finished(self, request: str, answers: tuple[Answer, ...]) -> None:
        if request == self._request:
            self._request = ""
            self.ended.emit(answers)

    @Slot(str, object)
    def _on_failed(self, request: str, error: ExpertError) -> None:
        if request == self._request:
            self._request = ""
            self.failed.emit(error)
            self.ended.emit(())
