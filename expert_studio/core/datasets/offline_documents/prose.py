"""Documents of prose: article, fiction, dialogue, legal, license, letters and minutes, paper."""

# ruff: noqa: E501 - texts of documents stand on one line as they are read

from __future__ import annotations

from expert_studio.core.datasets.offline_documents.documents import (
    Document,
    Family,
    Maker,
    Pen,
    families,
)

_NEWS = """
The {building} in {city} will be closed until {month}, the council said on {day}.
According to a new study, {percent} percent of people in {country} work from home.
{person}, who has led {company} since {year}, will step down in {month}.
The city of {city} plans to plant {count} trees along the river.
{city} is a town in {country} with about {count} thousand inhabitants.
It was founded in {year} and is known for its {building}.
"We did not expect so many visitors," said {person}, the director of the {building}.
The price of bread rose by {percent} percent last year.
{company} announced on {day} that it will build a factory near {city}.
Scientists from {city} have found a way to make batteries that last longer.
The number of tourists in {country} fell by {percent} percent in {month}.
{person} (born {date}) is a former {sport} player from {country}.
The match between {city} and {city2} ended in a draw after extra time.
More than {count} people took part in the march on {day}.
Police in {city} are looking for the owner of a stolen {vehicle}.
The species was first described in {year} by {person}.
Experts warn that the river could rise again in {month}.
The film was made in {country} and opened in cinemas in {month}.
Half of the pupils in {country} learn {language} at school.
The {building} was designed by {person} and opened in {year}.
Critics say the plan costs too much and helps too few people.
{person} won the election in {city} with {percent} percent of the vote.
A storm left {count} homes in {city} without power on {day}.
The company employs {count} people in {country}.
Between {year} and {year2}, {city} was the largest port of {country}.
The government wants every school to have a {sport} club by {year}.
Local farmers say they have not seen such a dry {month} before.
"""
_STORY = """
{name} closed the door and listened; nothing moved in the {room}.
"You should not have come," said {name}, without turning round.
The rain had stopped, but the road to {city} was still a river of mud.
He had not slept for two nights, and his hands shook as he lit the lamp.
She laughed then, a small dry laugh, and put the letter in the fire.
"And what did he say?" asked {name}, leaning forward in the chair.
The old {animal} lifted its head and looked at the boy for a long while.
It was in the winter of that year that {name} first saw the house.
Nobody in the village spoke of what had happened at the {building}.
Far below them the sea broke white against the rocks.
{name} thought of the {item}, wrapped in cloth at the bottom of the trunk.
"I am not afraid," she whispered, though her heart beat like a drum.
The stranger took off his hat and bowed to the company.
For a moment they stood quite still, each waiting for the other to speak.
Mother had told them never to go beyond the {plant}.
Then a voice called out of the darkness, and {name} began to run.
The moon came up over the hills, and the whole valley turned to silver.
"My dear {name}," cried the doctor, "you are as pale as a sheet!"
He remembered the smell of the {room}, and the sound of the clock.
By morning the tracks were covered with snow.
The captain swore softly and reached for the glass.
{name} said nothing, but her eyes were bright with tears.
There was once a {job} who lived alone at the edge of the forest.
So they went on, hand in hand, until the lights of {city} were behind them.
"""
_TALK = """
Do you want to meet on {day}?|Sure, {day} works for me. What time?
I would like to book a table for {small}.|Of course. For which day?
Have you seen the new film by {person}?|Not yet, but everyone says it is great.
What is your favourite kind of food?|I love {food}, and you?
I need a hotel in {city} for {small} nights.|I found one for {amount} euros a night. Shall I book it?
Did you watch the {sport} match?|Yes! I could not believe the ending.
Can you find me a {job} near {city}?|There are {small} in the area. Do you want the nearest one?
How was your trip to {country}?|Wonderful, we saw a {animal} near the road.
Do you play any instrument?|I used to play the {instrument} at school.
When does the bus to {city} leave?|At {time}. Would you like a ticket?
I think the second season was better.|Really? I stopped watching after the first one.
Could you tell me the address?|It is {street}.
What was your budget again?|About {amount} euros.
Okay, so who takes the next point?|I can, if {name} sends me the figures.
Is breakfast included?|Yes, it is served from {time}.
Do you have any pets?|A {pet}. It sleeps all day.
Please change the time to {time}.|Done. Anything else I can help with?
So what did you think of the book?|It was fine, but a bit long for me.
"""
_LAW = """
You may not use the Service in a way that breaks any law or the rights of others.
These Terms form a binding agreement between you and {company}.
We collect the e-mail address you give us when you create an Account.
Either party may end this Agreement with {count} days' written notice.
{company} may change this Policy; the date above shows when it was last revised.
You keep all rights to the content that you submit to the Service.
We do not sell personal data, and we share it only as described below.
Any claim under these Terms is subject to the courts of {city}, {country}.
The Service is provided "as is" and without warranties of any kind.
You must be at least {small} years old to open an Account.
Nothing in this Section limits the obligations set out in Section {small}.
Agencies shall publish source code unless an exception under Section {small} applies.
If any provision is found unenforceable, the remaining provisions stay in effect.
A notice of infringement must identify the work and state your contact details.
The Supplier shall delete all Personal Data within {count} days of termination.
We may suspend an Account that violates this Policy.
By using the Service, you consent to the processing of data in {country}.
In no event shall the total liability of {company} exceed the fees paid.
Cookies are used to remember your preferences and to measure use.
For the purposes of this Policy, "Contributor" means any person who submits code.
"""
_LICENSE = """
Permission is hereby granted, free of charge, to any person obtaining a copy of this software.
Redistributions of source code must retain the above copyright notice and this list of conditions.
Redistributions in binary form must reproduce the above copyright notice in the documentation.
THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED.
Neither the name of {company} nor the names of its contributors may be used to endorse products.
You may copy and distribute verbatim copies of the Program's source code as you receive it.
Licensed under the licence terms below; you may not use this file except in compliance with them.
IN NO EVENT SHALL {company} BE LIABLE FOR ANY DIRECT OR INDIRECT DAMAGES.
Each Contributor hereby grants to You a perpetual, worldwide, royalty-free copyright licence.
The above copyright notice and this permission notice shall be included in all copies.
Altered source versions must be plainly marked as such, and must not be misrepresented.
This work is dedicated to the public domain; anyone may copy, modify and sell it.
Subject to the terms of this License, each Contributor grants You a patent licence.
You may charge a fee for the physical act of transferring a copy.
If you distribute the Work, You must give recipients a copy of this License.
The licence terminates automatically if You bring a patent claim against {company}.
Permission to use, copy, modify, and distribute this software for any purpose is granted.
You must cause any modified files to carry prominent notices stating that You changed them.
"""
_MINUTES = """
{name}: the {slug} change is ready, we need one more review.
Action: {name} to write to {company} before {day}.
Agreed to move the next meeting to {day}, {time}.
{name} asked whether the {slug} work blocks the release; answer: no.
Discussion: {name} is in favour, {name2} prefers to wait until {month}.
No objections; {name} will merge it after the call.
Budget: {count} euros left for travel, {name} will report in {month}.
{name} gave an update on the {slug} group; {small} new members.
Open question about the {slug} policy, to be continued on the list.
Consensus: keep the {slug} proposal open for two weeks.
{name} could not attend; the point is postponed.
The vote was {small} for, {small2} against.
"""
_MAIL = """
Thanks for sending the {item}, it arrived on {day}.
I am writing to ask whether you still plan to come to {city} in {month}.
On {day} you wrote that the {slug} was fixed, but I still see the old one.
Could you please let me know by {day}?
We would like to invite you to {city} for the opening of the {building}.
The train leaves at {time}, so we should meet a little earlier.
I have enclosed the invoice for {amount} euros.
My apologies for the late answer, I was in {country} until {day}.
Has anyone else on the list had trouble with the {slug} since the update?
Please give my best wishes to {name}.
I tried what you said, and it works now.
We regret that we cannot accept your application for the post of {job}.
"""
_PAPER = """
We propose a method for {slug} estimation that needs no labelled data.
Experiments on {small} data sets show that our approach improves accuracy by {percent} percent.
Let $x_i$ denote the {slug} of observation $i$ and $\\theta$ the parameters of the model.
In this paper we study the problem of {slug} matching in large graphs.
The posterior is sampled with a Markov chain of {count} steps.
Our results suggest that {slug} models generalise poorly to unseen domains.
We find a period of ${small}.{percent}$ days, in agreement with earlier work \\citep{smith}.
The loss is minimised by stochastic gradient descent with a fixed step size.
Prior work treats the {slug} as independent of the noise, which does not hold here.
Figure {small} shows the residuals as a function of frequency.
We release the code and the data to support further research.
The proof follows from the convexity of the objective.
Compared with strong baselines, the {slug} encoder halves the error rate.
An ablation shows that the {slug} term accounts for most of the gain.
We introduce a benchmark of {count} tasks for {slug} understanding.
The covariance matrix is computed in $O(N)$ operations.
"""


def _article(pen: Pen) -> Document:
    title = pen.fill(pen.one("{city}", "{building} of {city}", "News from {city}", "{person}"))
    body = pen.paragraphs(_NEWS, pen.number(1, 3), pen.number(2, 3))
    path = pen.one(f"articles/{pen.slug()}-{pen.number(1, 999)}.txt", f"text#{title}", "")
    return Document(path, f"{title}\n{body}", "en")


def _post(pen: Pen) -> Document:
    date = pen.day(2012)
    title = pen.fill(pen.one("What {city} teaches us", "{name} on {subject}", "A year in {city}"))
    head = f'---\ntitle: "{title}"\ndate: {date}\n---\n\n'
    return Document(f"news/{date}-{pen.slug()}.md", head + pen.text(_NEWS, 4, 7), "en")


def _fiction(pen: Pen) -> Document:
    head = pen.one("", f"CHAPTER {pen.one('I', 'II', 'V', 'XI', 'XIV', 'XX')}\n\n", "")
    body = pen.paragraphs(_STORY, pen.number(2, 3), pen.number(2, 3))
    path = pen.one(
        f"text/chapter-{pen.number(1, 40)}.xhtml",
        f"corpus/{pen.slug()}_18{pen.number(10, 99)}.txt",
        "",
    )
    return Document(path, head + body, "en")


def _chat(pen: Pen) -> Document:
    one, two = pen.one("User:Assistant", "A:B", "Person 1:Person 2", "{n1}:{n2}").split(":")
    if one == "{n1}":
        one, two = pen.word("name"), pen.word("name")
    turns = []
    for pair in pen.lines(_TALK, pen.number(3, 6)):
        first, _, second = pair.partition("|")
        turns += [f"{one}: {first}", f"{two}: {second}"]
    path = pen.one(f"train#{pen.number(1, 900)}", f"dialogues/{pen.number(1, 999):03d}.txt", "")
    return Document(path, "\n".join(turns), "en")


def _transcript(pen: Pen) -> Document:
    lines = [part for pair in pen.lines(_TALK, 4) for part in pair.split("|")]
    people = [pen.word("person").upper() for _ in range(3)]
    body = "\n\n".join(f"{pen.one(*people)}: {line}" for line in lines)
    return Document(pen.one(f"transcripts/{pen.slug()}.txt", ""), body, "en")


def _legal(pen: Pen) -> Document:
    kind = pen.one("Terms of Service", "Privacy Policy", "Acceptable Use Policy", "Data Processing")
    parts = pen.lines(_LAW, pen.number(4, 7))
    body = "\n\n".join(f"{number}. {part}" for number, part in enumerate(parts, start=1))
    revised = f"Last updated: {pen.word('date')}\n\n"
    path = pen.one(f"policies/{kind.lower().replace(' ', '-')}.md", f"legal/{pen.slug()}.md", "")
    return Document(path, f"# {pen.word('company')} {kind}\n\n{revised}{body}", "en")


def _license(pen: Pen) -> Document:
    owner = pen.one(pen.word("person"), pen.word("company"))
    head = f"{pen.one('', 'The ' + pen.slug().capitalize() + ' License', 'License')}\n\n"
    note = f"Copyright (c) {pen.number(1990, 2026)} {owner}\n\n"
    path = pen.one("LICENSE", "COPYING", "LICENSE.txt", f"licenses/{pen.slug()}.txt", "LICENSE-MIT")
    return Document(
        path, head.lstrip() + note + "\n\n".join(pen.lines(_LICENSE, pen.number(4, 6))), "en"
    )


def _minutes(pen: Pen) -> Document:
    date = pen.day(2014)
    group = pen.one("Working Group", "Steering Committee", "Board", "Core Team")
    there = "\n".join(f"* {pen.word('person')}" for _ in range(pen.number(2, 4)))
    body = "\n".join(f"- {line}" for line in pen.lines(_MINUTES, pen.number(4, 7)))
    text = f"# {group} Meeting {date}\n\n## Present\n\n{there}\n\n## Agenda and notes\n\n{body}"
    return Document(pen.one(f"meetings/{date}.md", f"notes/{date}.md", ""), text, "en")


def _mail(pen: Pen) -> Document:
    head = (
        f"From: {pen.word('person')} <{pen.word('email')}>\n"
        f"Subject: {pen.one('Re: ', '')}{pen.fill('{slug} in {city}')}\n\n"
    )
    body = "\n".join(pen.lines(_MAIL, pen.number(3, 5)))
    return Document(
        pen.one(f"mail/{pen.number(1, 9999):05d}.txt", ""),
        f"{head}Hi {pen.word('name')},\n\n{body}\n\n{pen.one('Best', 'Regards', 'Cheers')},\n{pen.word('name')}",
        "en",
    )


def _letter(pen: Pen) -> Document:
    text = (
        f"{pen.word('street')}\n{pen.word('city')}\n{pen.word('date')}\n\n"
        f"Dear {pen.one('Mr', 'Ms')} {pen.word('person').split()[-1]},\n\n"
        f"{pen.text(_MAIL, 3, 5)}\n\nYours sincerely,\n{pen.word('person')}"
    )
    return Document(pen.one(f"letters/{pen.slug()}.txt", ""), text, "en")


def _abstract(pen: Pen) -> Document:
    title = pen.fill(
        pen.one("{slug} learning without {slug} labels", "On the {slug} of {slug} models")
    )
    body = pen.text(_PAPER, 4, 6)
    path = pen.one(f"papers/{pen.number(1000, 9999)}.txt", f"abstract#{pen.number(1, 900)}", "")
    return Document(path, f"{title.capitalize()}\n\nAbstract. {body}", "en")


def _latex(pen: Pen) -> Document:
    section = pen.one("Introduction", "Method", "Results", "Related work")
    body = pen.paragraphs(_PAPER, 2, pen.number(2, 3))
    text = (
        f"\\section{{{section}}}\n\\label{{sec:{pen.slug()}}}\n\n{body}\n\n"
        f"\\begin{{equation}}\n  {pen.one('y', 'S', 'p')} = {pen.one('a', 'w')} x + {pen.number(1, 9)}\n\\end{{equation}}"
    )
    return Document(pen.one(f"paper/{pen.slug()}.tex", "paper/ms.tex", ""), text, "latex")


def _both(kind: str, makers: dict[str, Maker], held_out: str) -> tuple[Family, ...]:
    """All makers train; one also makes held-out documents, of sentences training never sees."""
    return families(kind, makers, {f"{held_out}-held-out": makers[held_out]})


FAMILIES: tuple[Family, ...] = (
    *_both("article", {"news": _article, "post": _post}, "news"),
    *_both("fiction", {"chapter": _fiction}, "chapter"),
    *_both("dialogue", {"chat": _chat, "transcript": _transcript}, "chat"),
    *_both("legal", {"terms": _legal}, "terms"),
    *_both("license", {"license": _license}, "license"),
    *_both("letter_minutes", {"minutes": _minutes, "mail": _mail, "letter": _letter}, "minutes"),
    *families("letter_minutes", {}, {"mail-held-out": _mail}),
    *_both("scientific_paper", {"abstract": _abstract, "latex": _latex}, "abstract"),
)
