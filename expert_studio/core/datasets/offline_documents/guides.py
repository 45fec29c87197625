"""Texts that teach or explain software: lessons, exercises, tours of a language, help, answers."""

# ruff: noqa: E501 - texts of documents stand on one line as they are read

from __future__ import annotations

from expert_studio.core.datasets.offline_documents.documents import Document, Family, Pen, families

_TOURED = (("python", "#"), ("ruby", "#"), ("kotlin", "//"), ("lua", "--"), ("swift", "//"),
           ("haskell", "--"), ("r", "#"), ("php", "//"), ("perl", "#"), ("scala", "//"))  # fmt: skip
_HOW = """
Open a terminal and go to the folder of the {slug}.
Install the {slug} first: it is needed in every step that follows.
You should now see a list with {small} entries.
In this part we {verb} the {slug} and look at what comes out.
If you get an error here, check that the {slug} is running.
Create a file called `{slug}.txt` and write one line into it.
Try to {verb} a second {slug} on your own before you read on.
That is all: your {slug} works.
We start with an empty {slug} and add one piece at a time.
Change the number to {n} and run it once more. What is different?
By the end of this guide you will have a working {slug}.
Think of a {slug} as a box with a name on it.
"""
_ASKED = """
Why does my {slug} not start?|Most often the {slug} file is missing. Run `{verb} --{slug}` to see what it looks for.
Can I use it without a {slug}?|Yes. Set `{slug}` to `none`; everything but the {slug} keeps working.
How do I {verb} a {slug}?|Call `{verb}_{slug}` with the name of the {slug}.
Which versions are supported?|The last {small} releases. Older ones get security fixes only.
Where are the {slug}s kept?|In the {slug} folder of your home directory, unless `--{slug}` says otherwise.
Is there a limit?|{n} {slug}s for each {slug}. Ask us if you need more.
Does it run on Windows?|It does since version {small}; the {slug} part needs an administrator.
How can I help?|Report what does not work, with the {slug} you used.
"""


def _tour(pen: Pen) -> Document:
    """A language shown by a file of it, where the comments teach."""
    language, mark = pen.chance.choice(_TOURED)
    parts = []
    for number in range(1, pen.number(3, 5)):
        code = "\n".join(
            pen.one(
                f"{pen.slug()} = {pen.number(1, 99)}  {mark} => {pen.number(1, 99)}",
                f"{pen.verb()}({pen.slug()}, {pen.number(1, 9)})  {mark} calls {pen.verb()}",
                f'print("{pen.slug()}")  {mark} writes a line',
                f"{mark} You can also {pen.verb()} a {pen.slug()}:",
            )
            for _ in range(pen.number(2, 4))
        )
        title = pen.one("Values", "Text", "Lists", "Loops", "Functions", "Types", "Modules")
        parts.append(f"{mark * 2} {number}. {title}\n{mark} {pen.lines(_HOW, 1)[0]}\n{code}")
    body = f"```{language}\n" + "\n\n".join(parts) + "\n```"
    about = f"# {pen.one('A tour of', 'A short look at', 'The basics of')} {language.capitalize()}\n\n{pen.lines(_HOW, 1)[0]}\n\n"
    return Document(
        pen.one(f"tour/{language}.md", f"{language}-in-short.md", ""), about + body, "en"
    )


def _how_to(pen: Pen) -> Document:
    lines = pen.lines(_HOW, pen.number(4, 7))
    steps = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
    title = pen.one(f"How to {pen.verb()} a {pen.slug()}", f"Your first {pen.slug()}",
                    f"{pen.slug().capitalize()}s for beginners", "Quickstart")  # fmt: skip
    code = f"\n\n```\n$ {pen.slug()} {pen.verb()} --{pen.slug()}\n```"
    path = pen.one(
        "docs/getting-started.md",
        f"guide/{pen.number(1, 30)}-{pen.slug()}.md",
        "docs/quickstart.rst",
        "",
    )
    return Document(path, f"# {title}\n\n{steps}{code}", "en")


def _exercise(pen: Pen) -> Document:
    tasks = "\n\n".join(
        f"### Exercise {number}\n\n{line}\n\n<details>\n<summary>Solution</summary>\n\n`{pen.identifier()}({pen.number(1, 99)})`\n\n</details>"
        for number, line in enumerate(pen.lines(_HOW, pen.number(2, 3)), start=1)
    )
    text = f"# Chapter {pen.number(1, 20)}: {pen.slug().capitalize()}s\n\n{pen.text(_HOW, 2, 3)}\n\n{tasks}"
    return Document(
        pen.one(f"lessons/{pen.slug()}.md", f"book/chapter-{pen.number(1, 20)}.md", ""), text, "en"
    )


def _help(pen: Pen) -> Document:
    """What a program prints of its options, in a page of documentation."""
    rows = "\n".join(
        f"  -{pen.slug()[0]}, --{pen.slug()} {pen.one('<N>', '<FILE>', '')}  {pen.verb().capitalize()} the {pen.slug()}"
        for _ in range(pen.number(3, 7))
    )
    name = pen.slug()
    text = f"# {name}\n\n{name.capitalize()}s every {pen.slug()} in a folder.\n\n## Usage\n\n```\n{name} [OPTIONS] <{pen.slug().upper()}>\n\nOptions:\n{rows}\n```"
    return Document(
        pen.one(f"docs/cli/{name}.md", f"docs/commands/{name}.md", "README.md"), text, "en"
    )


def _answers(pen: Pen) -> Document:
    parts = [line.partition("|") for line in pen.lines(_ASKED, pen.number(3, 5))]
    body = "\n\n".join(f"## {question}\n\n{answer}" for question, _, answer in parts)
    return Document(
        pen.one("docs/faq.md", "FAQ.md", f"docs/{pen.slug()}-faq.md", ""), f"# FAQ\n\n{body}", "en"
    )


def _contributing(pen: Pen) -> Document:
    rules = "\n".join(
        "* "
        + pen.one(
            f"Run `make {pen.verb()}` before you open a pull request.",
            f"Write a test for every {pen.slug()} that you change.",
            f"Questions about the {pen.slug()} belong in the forum.",
            f"One change a branch; name it after the {pen.slug()}.",
            f"We use version {pen.number(2, 20)} of the {pen.slug()} formatter.",
        )
        for _ in range(pen.number(3, 5))
    )
    text = f"# Contributing to {pen.slug()}-{pen.slug()}\n\nThank you for your help!\n\n## Rules\n\n{rules}"
    return Document(
        pen.one("CONTRIBUTING.md", ".github/CONTRIBUTING.md", "docs/contributing.rst"), text, "en"
    )


FAMILIES: tuple[Family, ...] = (
    *families("tutorial", {"tour": _tour, "how-to": _how_to, "exercise": _exercise}, {}),
    *families(
        "documentation", {"help": _help, "answers": _answers, "contributing": _contributing}, {}
    ),
)
