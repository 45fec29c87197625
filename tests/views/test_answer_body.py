"""A text that streams is shown once, also where a code block is still open."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from expert_studio.views.widgets.answer_body import AnswerBody
from expert_studio.views.widgets.rich_text import CodeFrame, RichText


@pytest.mark.parametrize("so_far", ["```json\n{", "```json\n{\n", "Words.\n\n```json\n{"])
def test_a_fence_that_is_open_when_it_is_first_shown_is_not_shown_twice(
    qtbot: QtBot, so_far: str
) -> None:
    body = AnswerBody()
    qtbot.addWidget(body)
    body.resize(500, 300)
    body.show()
    body.begin(so_far)
    frame = body.findChild(CodeFrame)
    assert frame is not None
    text = frame.findChild(RichText)
    assert text is not None
    assert text.toPlainText() == "{"
    body.append('"a": 1\n' if so_far.endswith("\n") else '\n"a": 1\n')
    QCoreApplication.processEvents()
    assert text.toPlainText() == '{\n"a": 1'
