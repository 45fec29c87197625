"""Whatever a model, a pasted text or a package says: nothing is loaded, opened, run or held up.

Through the real window, a fake engine saying it. A file and a server on this machine wait to be
asked for a picture in one colour that nothing else on the window has.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QColor, QDesktopServices, QImage, QTextDocument
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from expert_studio import views as views_package
from expert_studio.core.inference.turns import UNSEEN
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel, plain_tip
from expert_studio.views.widgets.rich_text import RichText
from tests.fake_engine import FakeEngine
from tests.studio_driver import Person
from tests.views.conftest import Opened

MAGENTA = QColor(255, 0, 254)
SCHEMES = ("http", "https", "mailto", "file", "javascript", "data", "ms-settings", "smb")
# {file} and {server} stand for the picture on this machine; peers.md part 5, 66 to 68
SAID = {
    "picture of a file": '<img src="{file}"> and ![x]({file}) and [![x]({file})]({file})',
    "picture in a title": "<img src='{server}'> as a title",
    "picture of a share": r'<img src="\\attacker\x.png"> ![x](\\attacker\x.png) ![x](//a/x.png)',
    "picture that tells": "![x]({server}?q=secret) <img src='{server}?q=secret'>",
    "reference picture": "![x][y]\n\n[y]: {server}\n\n![x][z]\n\n[z]: {file}",
    "table background": '<table background="{file}"><tr><td>x</td></tr></table>',
    "style": '<style>body {{ background: url("{file}"); }}</style><div style="image: url({file})">',
    "script link": "[x](javascript:alert(1)) [y](JaVaScRiPt:alert(1)) [z](java\nscript:alert(1))",
    "link to a file": "[x]({file}) <{file}> <a href='{file}'>x</a>",
    "link to data": "[x](data:text/html;base64,PHNjcmlwdD4=) [y](ms-settings:privacy)",
    "script": "<script>alert(1)</script><iframe src='{server}'></iframe><object data='{file}'>",
    "code that names itself": "```html\n<img src='{file}'><script>alert(1)</script>\n```",
    "fence left open": "```python\nimport os\n" + "os.system('x')\n" * 2_000,
    "one long line": "y" * 300_000,
    "long table": "| a | b |\n| - | - |\n" + "| x | y |\n" * 4_000,
    "deep quotes": ">" * 50_000 + " deep",
    "deep lists": "- " * 5_000 + "x",
    "stars and brackets": "*" * 20_000 + "[" * 20_000 + "`" * 20_000,
    "control codes": "a\x1b[31mred\x1b]8;;{server}\x07link\x00\x08 \x9b2J",
    "turned about": "invoice\u202efdp.exe \u2066isolated\u2069 \u200fmark",
}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = QImage(300, 200, QImage.Format.Format_RGB32)
    image.fill(MAGENTA)
    path = tmp_path / "secret.png"
    assert image.save(str(path))
    return path


@pytest.fixture
def server(picture: Path) -> Iterator[tuple[str, list[str]]]:
    """A server that gives the picture to whoever asks; its address, and what was asked."""
    asked: list[str] = []

    class Giver(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(picture.read_bytes())

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Giver) as giver:
        thread = threading.Thread(target=giver.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{giver.server_port}/x.png", asked
        giver.shutdown()
        thread.join()


class Opener(QObject):
    """Stands where the system's browser would be."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        for scheme in SCHEMES:
            QDesktopServices.setUrlHandler(scheme, self, "note")

    @Slot(QUrl)
    def note(self, url: QUrl) -> None:
        self.opened.append(url.toString())

    def close(self) -> None:
        for scheme in SCHEMES:
            QDesktopServices.unsetUrlHandler(scheme)


@pytest.fixture
def opener() -> Iterator[Opener]:
    made = Opener()
    yield made
    made.close()


def _links(document: QTextDocument) -> list[str]:
    found = []
    block = document.begin()
    while block.isValid():
        place = block.begin()
        while not place.atEnd():
            kind = place.fragment().charFormat()
            assert not kind.isImageFormat(), "a picture"
            found.append(kind.anchorHref())
            place += 1
        block = block.next()
    return [link for link in found if link]


def _shows_the_picture(widget: QWidget) -> bool:
    image = widget.grab().toImage()
    wanted = MAGENTA.rgb()
    return any(
        image.pixel(x, y) == wanted
        for x in range(0, image.width(), 20)
        for y in range(0, image.height(), 20)
    )


def _is_picture(text: str) -> bool:
    """Whether Qt would take it for HTML, and load what it names."""
    return "<img" in text and GuiQt.mightBeRichText(text)


def _faults(person: Person) -> list[str]:
    """What is shown of the conversation that should not be."""
    window = person.studio.window
    QApplication.processEvents()
    faults = []
    for text in person.studio.chat_page.transcript.findChildren(RichText):
        links = _links(text.document())
        faults += [f"link {x}" for x in links if QUrl(x).scheme() not in ("http", "https")]
        if UNSEEN.search(text.toPlainText()):
            faults.append("signs that are not seen")
    for label in window.findChildren(QLabel):
        markup = label.textFormat() != Qt.TextFormat.PlainText and _is_picture(label.text())
        if markup or UNSEEN.search(label.text()):
            faults.append(f"label {label.text()[:80]!r}")
    tips = [widget.toolTip() for widget in window.findChildren(QWidget)]
    rows = person.studio.chat_page.conversations._list
    tips += [rows.item(row).toolTip() for row in range(rows.count())]
    faults += [f"tooltip {tip[:80]!r}" for tip in tips if _is_picture(tip) or UNSEEN.search(tip)]
    if _shows_the_picture(window):
        faults.append("the picture")
    return faults


def test_nothing_said_is_loaded_opened_or_run(
    opened: Opened, picture: Path, server: tuple[str, list[str]], opener: Opener
) -> None:
    engine = FakeEngine()
    person = opened(engine)
    studio, page = person.studio, person.studio.chat_page
    address, asked = server
    faults: list[str] = []

    def look(what: str) -> None:
        faults.extend(f"{what}: {fault}" for fault in _faults(person))

    for name, pattern in SAID.items():
        said = pattern.replace("{file}", QUrl.fromLocalFile(str(picture)).toString())
        said = said.replace("{server}", address).replace("{{", "{").replace("}}", "}")
        engine.pieces = [said[at : at + 20_000] for at in range(0, len(said), 20_000)]
        studio.dialogue.new()
        page.prompt.sent.emit(said)  # the person pastes it, the model says it
        person.until(lambda: studio.dialogue.busy)
        person.until(lambda: not studio.dialogue.busy and not studio.database_lane.busy)
        assert person.last_answer.text == said
        conversation = studio.dialogue.conversation
        assert conversation is not None
        assert not UNSEEN.search(conversation.title)
        studio.dialogue.new()
        studio.dialogue.open(conversation)
        person.until(lambda: len(studio.dialogue.turns) == 2 and not page.transcript._due)
        look(name)
    assert faults == []
    assert asked == []
    assert opener.opened == []


def test_a_link_is_asked_about_and_then_opened(opened: Opened, opener: Opener) -> None:
    target = "https://example.org/terms?a=%3Cimg%20src=x%3E"
    person = opened(FakeEngine(pieces=[f"See [the terms]({target})."]))
    person.type_and_send("terms?")
    person.until(lambda: not person.studio.dialogue.busy)
    shown = person.last_answer.findChildren(RichText)
    person.until(lambda: any(_links(text.document()) for text in shown))
    text = next(text for text in shown if _links(text.document()))
    assert _links(text.document()) == [target]
    text.anchorClicked.emit(QUrl(target))
    box = QApplication.activeModalWidget()
    assert isinstance(box, QMessageBox)
    assert "example.org" in box.informativeText()
    assert opener.opened == []
    box.reject()
    assert opener.opened == []
    text.anchorClicked.emit(QUrl(target))
    again = QApplication.activeModalWidget()
    assert isinstance(again, QMessageBox)
    next(b for b in again.buttons() if b.text() == "Open").click()
    assert len(opener.opened) == 1


def test_words_of_others_are_no_markup(qtbot: QtBot, picture: Path) -> None:
    hostile = f'<img src="{QUrl.fromLocalFile(str(picture)).toString()}">'
    label = PlainLabel(hostile)
    qtbot.addWidget(label)
    label.resize(400, 300)
    label.show()
    assert not _shows_the_picture(label)
    rich = QLabel(hostile)  # what Qt does by itself, so that the test could fail
    qtbot.addWidget(rich)
    rich.resize(400, 300)
    rich.show()
    assert _shows_the_picture(rich)
    assert plain_tip("a plain description, 1 < 2") == "a plain description, 1 < 2"
    assert GuiQt.mightBeRichText(hostile)
    assert "<img" not in plain_tip(hostile)


def test_no_label_takes_words_for_markup() -> None:
    """A `QLabel` guesses; the labels of `plain_words` and what derives from them do not."""
    views = Path(views_package.__file__).parent
    made: list[str] = []
    for path in sorted(views.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "QLabel":
                made.append(f"{path.relative_to(views)}:{called.lineno}")
    assert not made, f"make a PlainLabel: {', '.join(made)}"
    assert PlainLabel("<b>x</b>").textFormat() == Qt.TextFormat.PlainText
    assert ElidedLabel("<b>x</b>").textFormat() == Qt.TextFormat.PlainText


def test_what_the_status_line_sets_bold_is_bold(opened: Opened) -> None:
    """Its own markup is the one exception, and every word of others in it is escaped."""
    person = opened(FakeEngine())
    line = person.studio.window.status
    shown = [label for label in line.findChildren(QLabel) if "<b>" in label.text()]
    assert shown
    assert all(label.textFormat() == Qt.TextFormat.RichText for label in shown)
