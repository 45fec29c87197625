"""Documents around software: documentation, tutorials, changelogs, web pages."""

from __future__ import annotations

from expert_studio.core.datasets.offline_documents.documents import Document, Family, Pen, families

_DOCS = """
`{verb}_{slug}` returns the {slug} or `None` when there is none.
Set `{slug}_limit` to {n} to keep memory low.
The {slug} is read once at start; restart the server after a change.
By default, every {slug} is kept for {small} days.
This option has no effect unless `{slug}` is enabled.
The table below lists all parameters of the {slug}.
Pull requests are welcome; please open an issue about the {slug} first.
Requires version {small}.{small2} or later of the {slug} library.
A {slug} that does not match the schema is rejected with status 422.
To report a problem, include the {slug} and the output of `--version`.
The {slug} module is thread-safe.
Use `--{slug}` to choose another {slug} than the default.
Errors are written to the {slug} file and not to the console.
The API is stable; the {slug} part is still experimental.
The {slug} can be extended by subclassing `Base{small}`.
Supported platforms: Linux, macOS and Windows.
"""
_LESSON = """
In this lesson you will learn how to {verb} a {slug} step by step.
First, create an empty folder and open it in your editor.
Now run the program again; you should see the {slug} on the screen.
Do not worry if this looks strange, we will explain it in the next chapter.
Let's start with the simplest {slug} there is.
As an exercise, change the {slug} so that it prints {n} lines.
Congratulations, you have built your first {slug}!
What happens if you leave out the last line? Try it.
We will use a small {slug} as our running example.
Next, add the following to your file:
Remember how we wrote the {slug} in the previous chapter?
Before you begin, make sure that you have finished part {small}.
If everything went well, your {slug} now looks like this:
You now know enough to {verb} a {slug} by yourself.
Let us look at each line of this example in turn.
Save the file and go back to the terminal.
"""
_CHANGE = """
Add `{verb}_{slug}` to the public interface (#{n})
Fix a crash when the {slug} is empty (#{n})
Drop support for the old {slug} format
Bump the {slug} dependency to {small}.{small2}
Deprecate `{slug}_{verb}` in favour of `{verb}_{slug}`
Improve the speed of {slug} parsing by {percent} percent
The {slug} is now sorted by default
Fix wrong {slug} in the error message
Documentation of the {slug} was rewritten by @{slug}{small}
Remove the `{slug}` feature flag
Allow a {slug} without {slug}
**Breaking:** rename `{slug}` to `{slug}_id`
Thanks to {name} for reporting the {slug} problem
Support {slug} streams on Windows
Close the {slug} when the worker stops
Use a smaller {slug} in tests
"""
_PAGE = """
<p>Welcome to {company}, your {item} shop in {city}.</p>
<a href="/{slug}.html">More about {city}</a>
<li>{food}</li>
<button id="{slug}">Open the {slug}</button>
<h2>{building} of {city}</h2>
<img src="img/{slug}.png" alt="{color} {item}">
<label for="{slug}">Your {slug}</label>
<input type="text" name="{slug}" placeholder="{city}">
<td>{amount}</td>
<p>Call us: {phone}</p>
<div class="{slug}">{name} from {country}</div>
<script src="js/{slug}.js"></script>
<section><p>Open on {day} from {time}.</p></section>
<option value="{slug}">{language}</option>
<p class="{color}">The {animal} lives near {city}.</p>
<footer>{company}, {street}</footer>
"""


def _title(pen: Pen) -> str:
    return f"{pen.one('The', 'A', 'Custom', 'Fast')} {pen.slug()} {pen.slug()}"


def _readme(pen: Pen) -> Document:
    name = f"{pen.slug()}-{pen.slug()}"
    about, use = pen.paragraphs(_DOCS, 2, pen.number(1, 3)).split("\n\n")
    install = pen.one("pip install", "npm install", "cargo add", "brew install")
    text = (
        f"# {name}\n\n{about}\n\n## Installation\n\n    {install} {name}\n\n"
        f"## {pen.one('Usage', 'Configuration', 'Options')}\n\n{use}"
    )
    return Document(pen.one("README.md", f"{name}/README.md", ""), text, "en")


def _reference(pen: Pen) -> Document:
    parts = "\n\n".join(
        f"### `{pen.identifier()}({pen.slug()})`\n\n{line}" for line in pen.lines(_DOCS, 3)
    )
    path = pen.one(f"docs/{pen.slug()}.md", f"docs/reference/{pen.slug()}.md", "")
    return Document(path, f"# {_title(pen)} reference\n\n{parts}", "en")


def _rst(pen: Pen) -> Document:
    title = _title(pen)
    text = f"{title}\n{'=' * len(title)}\n\n{pen.text(_DOCS, 2, 4)}\n\n.. note::\n\n   "
    return Document(pen.one(f"docs/{pen.slug()}.rst", ""), text + pen.text(_DOCS, 1, 1), "en")


def _tutorial(pen: Pen) -> Document:
    one, two = pen.paragraphs(_LESSON, 2, pen.number(2, 3)).split("\n\n")
    steps = f"## Step 1\n\n{one}\n\n## Step 2\n\n{two}"
    title = f"# {pen.one('Getting started with', 'Tutorial:', 'How to build')} {pen.slug()}s"
    path = pen.one(
        f"docs/tutorial/{pen.slug()}.md", f"src/ch{pen.number(1, 20):02d}-{pen.slug()}.md", ""
    )
    return Document(path, f"{title}\n\n{steps}", "en")


def _lesson(pen: Pen) -> Document:
    before, after = pen.paragraphs(_LESSON, 2, 2).split("\n\n")
    code = f"```\n{pen.identifier()}({pen.number(1, 99)})\n```"
    text = (
        f"---\ntitle: {pen.slug().capitalize()}\nteaching: {pen.number(5, 40)}\n---\n\n"
        f"{before}\n\n{code}\n\n{after}"
    )
    return Document(pen.one(f"episodes/{pen.number(1, 20):02d}-{pen.slug()}.md", ""), text, "en")


def _version(pen: Pen) -> str:
    return f"{pen.number(0, 12)}.{pen.number(0, 30)}.{pen.number(0, 9)}"


def _kept(pen: Pen) -> Document:
    parts = []
    for _ in range(pen.number(1, 2)):
        date = pen.day(2012)
        changes = "\n".join(f"- {line}" for line in pen.lines(_CHANGE, pen.number(2, 4)))
        parts.append(
            f"## [{_version(pen)}] - {date}\n\n### {pen.one('Added', 'Fixed')}\n\n{changes}"
        )
    return Document(pen.one("CHANGELOG.md", ""), "# Changelog\n\n" + "\n\n".join(parts), "en")


def _release(pen: Pen) -> Document:
    head = f"Version {_version(pen)}"
    changes = "\n".join(f"* {line}" for line in pen.lines(_CHANGE, pen.number(3, 6)))
    text = f"{head}\n{'-' * len(head)}\n\nReleased on {pen.word('date')}\n\n{changes}"
    return Document(pen.one("CHANGES.rst", "HISTORY.md", "NEWS", "CHANGES.txt", ""), text, "en")


def _page(pen: Pen) -> Document:
    body = "\n    ".join(pen.lines(_PAGE, pen.number(4, 8)))
    text = (
        f"<!DOCTYPE html>\n<html>\n  <head>\n    <title>{_title(pen)}</title>\n  </head>\n"
        f"  <body>\n    {body}\n  </body>\n</html>"
    )
    return Document(pen.one("index.html", f"pages/{pen.slug()}.html", ""), text, "html")


def _template(pen: Pen) -> Document:
    body = "\n  ".join(pen.lines(_PAGE, pen.number(3, 6)))
    text = (
        f'<html lang="en">\n<head><meta charset="utf-8">\n<link rel="stylesheet" '
        f'href="{pen.slug()}.css"></head>\n<body>\n  <h1>{{{{ {pen.slug()} }}}}</h1>\n  {body}\n'
        "</body>\n</html>"
    )
    return Document(pen.one(f"templates/{pen.slug()}.html", ""), text, "html")


FAMILIES: tuple[Family, ...] = (
    *families("documentation", {"readme": _readme, "rst": _rst}, {"reference": _reference}),
    *families("tutorial", {"steps": _tutorial}, {"lesson": _lesson}),
    *families("changelog", {"kept": _kept}, {"release": _release}),
    *families("web_page", {"page": _page}, {"template": _template}),
)
