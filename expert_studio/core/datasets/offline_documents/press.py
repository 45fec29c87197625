"""What is written for readers and for a group: essays, announcements; agendas, call notes."""

# ruff: noqa: E501 - texts of documents stand on one line as they are read

from __future__ import annotations

from expert_studio.core.datasets.offline_documents.documents import Document, Family, Pen, families

_ESSAY = """
I have been thinking about this ever since I came back from {city}.
People often ask me why I gave up my work as a {job}.
What surprised me most was how little anyone talks about it.
We tend to believe that more choice makes us happier; I am no longer sure.
My grandmother used to say that a {animal} never forgets a kindness.
There is a lesson in this for all of us who run a small business.
Of course there are good reasons to doubt that, and I will come to them.
Imagine for a moment that every {vehicle} in {city} vanished overnight.
Over the last {small} years our agency has learned a great deal about its visitors.
The trend is clear: more people use a phone than a desk computer to reach us.
Here are {small} things we learned while we redesigned our website.
Good design begins with listening, and listening takes time.
Social media gave the campaign a reach that posters never had.
None of this is new, but it bears repeating.
"""
_NEWS_OF_PROJECT = """
We are happy to announce the release of {slug} {small}.{count}.
It has been {small} months since our last post, and a lot has happened.
Thanks to everyone who took part in the survey: {count} of you answered.
The {slug} team met in {city} this {month} to plan the coming year.
Starting today, the {slug} service will no longer accept old keys.
On {day} we learned of a problem in the way {slug}s were checked; no data was lost.
We would like to welcome {person} to the {slug} team.
The programme for the conference in {city} is now online, and tickets are on sale.
Our goal for {year} is to make the first hour with {slug} pleasant.
Read on to learn what is in the new version and why we made these choices.
If you want to help, come and say hello in the chat.
{person} has written about this at length, and we agree with most of it.
"""
_POINTS = """
{person}: the {slug} work is nearly done, needs one more review.
ACTION - {name}: open an issue about the {slug} and assign it.
Discussed whether to move the meeting to {day}; no objections.
{name} gave an update on the {slug} proposal, stage {small}.
We agreed to close the {slug} pull request for lack of activity.
Question from {name}: who owns the {slug} account?
Budget: {count} left for travel, {name} to ask for more.
Deferred to next week since {name} could not be there.
Consensus: keep the {slug} as it is until {month}.
{person} volunteered to write the notes next time.
Reviewed the action items of last time; {small} are still open.
The {slug} has been nominated for discussion; {small} in favour.
"""


def _essay(pen: Pen) -> Document:
    body = pen.paragraphs(_ESSAY, pen.number(2, 3), pen.number(2, 4))
    date = pen.day(2010)
    path = pen.one(f"content/{date}-{pen.slug()}.md", f"essays/{pen.slug()}.md", "")
    return Document(path, body, "en")


def _announcement(pen: Pen) -> Document:
    date = pen.day(2010)
    title = pen.fill(pen.one("Announcing {slug} {small}.0", "{slug} survey {year}", "This month in {slug}",
                             "Changes to the {slug} team", "An incident on {day}"))  # fmt: skip
    head = pen.one(
        "",
        f"# {title}\n\n",
        f'---\nlayout: post\ntitle: "{title}"\nauthor: {pen.word("person")}\n---\n\n',
    )
    body = pen.paragraphs(_NEWS_OF_PROJECT, 2, pen.number(2, 3))
    return Document(
        pen.one(f"posts/{date}-{pen.slug()}.md", f"blog/{date}.md", ""), head + body, "en"
    )


def _agenda(pen: Pen) -> Document:
    date = pen.word("date")
    points = "\n".join(f"{number}. {line}" for number, line in enumerate(pen.lines(_POINTS, 6), 1))
    there = ", ".join(pen.word("name") for _ in range(pen.number(3, 6)))
    text = f"{pen.one('Agenda', 'Meeting notes', 'Weekly sync', 'Triage meeting')}, {date}\n\nAttendees: {there}\n\n{points}"
    return Document(
        pen.one(f"minutes/{pen.number(2014, 2026)}-{pen.number(1, 12):02d}.md", ""), text, "en"
    )


def _call_notes(pen: Pen) -> Document:
    parts = "\n\n".join(
        f"## {pen.slug().capitalize()} ({pen.number(5, 20)}m, {pen.word('name')})\n\n"
        + "\n".join(f"- {line}" for line in pen.lines(_POINTS, pen.number(2, 3)))
        for _ in range(pen.number(2, 3))
    )
    title = pen.one("Working Group Notes", "Summary of the call", "Board call", "Technical meeting")
    return Document(
        pen.one(f"notes/{pen.number(2014, 2026)}/{pen.slug()}.md", f"{pen.slug()}-wg/call.md", ""),
        f"# {title} - {pen.word('date')}\n\n{parts}",
        "en",
    )


FAMILIES: tuple[Family, ...] = (
    *families("article", {"essay": _essay, "announcement": _announcement}, {}),
    *families("letter_minutes", {"agenda": _agenda, "call-notes": _call_notes}, {}),
)
