"""Pages out of sight look the same as if they had been styled with the rest."""

from __future__ import annotations

from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from tests.fake_engine import FakeEngine
from tests.studio_driver import Person
from tests.views.conftest import Opened

PAGES = ("library", "datasets", "train", "chat")  # what Settings says of the disk changes
ALIKE = 5  # pictures in a row of a page that rests


def _picture(person: Person) -> QImage:
    return person.studio.window.grab().toImage()


def _look(person: Person, name: str) -> QImage:
    """A page as it is drawn once it rests."""
    person.studio.window.show_page(name)
    person.until(lambda: not person.studio.background.busy)
    before = [_picture(person)]

    def rests() -> bool:
        before.append(_picture(person))
        return all(picture == before[-1] for picture in before[-ALIKE:]) and len(before) > ALIKE

    person.until(rests)
    return before[-1]


def test_a_page_shown_at_once_or_later_is_styled_whole(opened: Opened, qtbot: QtBot) -> None:
    person = opened(FakeEngine())
    studio = person.studio
    studio.theme.set_reduced_motion(True)  # no caret that comes and goes
    late = studio.window.late_styling
    for name in PAGES:  # all have read what they show
        _look(person, name)
    person.until(lambda: len(studio.library_page.contents.experts) == 3)
    studio.theme.tell_before(lambda: None)
    studio.theme.apply("dark", 125)
    together = {name: _look(person, name) for name in PAGES}

    studio.theme.tell_before(late.put_aside)
    studio.theme.apply("light", 100)
    person.until(lambda: not late.waiting)
    studio.theme.apply("dark", 125)
    assert late.waiting, "pages out of sight wait for their turn"
    for name in PAGES:  # at once
        studio.window.show_page(name)
        person.until(lambda name=name: _picture(person) == together[name])  # type: ignore[misc]

    studio.theme.apply("light", 100)
    studio.theme.apply("dark", 125)
    person.until(lambda: not late.waiting)
    for name in PAGES:  # after their turn
        studio.window.show_page(name)
        person.until(lambda name=name: _picture(person) == together[name])  # type: ignore[misc]
