"""Errors put into right sentences, each of a known kind and with one right repair.

Works on any English text: no error is made where two repairs would do. Knows no task.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random

from expert_studio.core.datasets.offline_english.scene import scenes
from expert_studio.core.datasets.offline_words import MONTHS, WEEKDAYS, words

_SWAPS = {
    "is": "are",
    "are": "is",
    "was": "were",
    "were": "was",
    "has": "have",
    "does": "do",
    "doesn't": "don't",
    "isn't": "aren't",
    "wasn't": "weren't",
}
_SOUND_ALIKE = {
    "their": "there",
    "there": "their",
    "its": "it's",
    "your": "you're",
    "too": "to",
    "than": "then",
    "then": "than",
    "whose": "who's",
    "quite": "quiet",
    "hear": "here",
    "know": "no",
    "knew": "new",
    "whole": "hole",
    "where": "were",
    "weather": "whether",
    "whether": "weather",
    "passed": "past",
    "piece": "peace",
    "buy": "by",
    "through": "threw",
    "threw": "through",
}
_PASTS = dict(
    pair.split(":")
    for pair in words(
        "bought:buyed found:finded went:goed came:comed took:taked wrote:writed built:builded "
        "grew:growed taught:teached caught:catched drove:drived slept:sleeped left:leaved "
        "kept:keeped paid:payed chose:choosed swam:swimmed stole:stealed told:telled gave:gived "
        "became:becomed began:beginned fell:falled felt:feeled flew:flied forgot:forgetted "
        "heard:heared knew:knowed lost:losed made:maked met:meeted ran:runned sang:singed "
        "saw:seed sent:sended sold:selled spoke:speaked spent:spended stood:standed "
        "thought:thinked threw:throwed understood:understanded won:winned wore:weared woke:waked "
        "brought:bringed drew:drawed drank:drinked ate:eated held:holded said:sayed led:leaded"
    )
)
_MISSPELT = dict(
    pair.split(":")
    for pair in words(
        "receive:recieve believe:beleive definitely:definately separate:seperate "
        "necessary:neccessary occurred:occured until:untill weird:wierd friend:freind "
        "friends:freinds tomorrow:tommorow beautiful:beatiful argument:arguement "
        "government:goverment beginning:begining knowledge:knowlege surprise:suprise "
        "because:becuase which:wich people:poeple really:realy language:langauge their:thier "
        "received:recieved different:diffrent probably:probaly interesting:intresting "
        "library:libary february:febuary wednesday:wensday address:adress business:buisness "
        "calendar:calender committee:commitee environment:enviroment foreign:foriegn forty:fourty "
        "immediately:immediatly independent:independant minutes:minuets neighbour:nieghbour "
        "neighbours:nieghbours ninth:nineth successful:succesful truly:truely usually:usualy "
        "writing:writting across:accross although:althought always:allways another:anouther "
        "before:befor between:betwen children:childern country:contry during:durring early:earley "
        "enough:enought evening:evning every:evrey family:familly favourite:favorit "
        "finally:finaly garden:gardan happened:happend important:importent journey:jorney "
        "kitchen:kitchin letter:leter letters:leters little:litle money:mony months:monthes "
        "morning:mornning music:musick never:nevver night:nite number:nubmer office:ofice "
        "picture:pitcure question:qestion quickly:quikly school:scool second:secound "
        "several:severel should:shoud something:somthing station:staton summer:sumer "
        "sunshine:sunshin together:togather travelled:travaled trouble:truble weather:wether "
        "weekend:weekand winter:wintre without:whithout would:woud yesterday:yestarday"
    )
)
_TIMES = (*WEEKDAYS, *MONTHS)
_FIXED = (
    (re.compile(rf"\bon (?=(?:{'|'.join(WEEKDAYS)})\b)"), "in "),
    (re.compile(rf"\bin (?=(?:{'|'.join(MONTHS)})\b)"), "on "),
    (re.compile(r"\bin (?=(?:19|20)\d\d\b)"), "at "),
    (re.compile(r"\bat (?=\d{1,2}:\d\d)"), "in "),
    (re.compile(r"\binterested in\b"), "interested on"),
    (re.compile(r"\bafraid of\b"), "afraid from"),
    (re.compile(r"\bdepends on\b"), "depends from"),
    (re.compile(r"\bproud of\b"), "proud for"),
    (re.compile(r"\bforward to\b"), "forward for"),
    (re.compile(r"\bin the (?=morning|evening|afternoon)"), "in "),
    (re.compile(r"\bbecause of\b"), "because from"),
    (re.compile(r"\bat (?=night\b|noon\b|midnight\b|sea\b|home\b)"), "in "),
    (re.compile(r"\bmore than\b"), "more that"),
)
_COUNTED = re.compile(
    r"\b((?:[2-9]|\d\d+|two|three|four|five|six|seven|eight|nine|ten|several|few) [a-z]{3,})s\b"
)
_ARTICLE = re.compile(r"\b(an?|An?) (?=[a-z])")
_DOUBLED = ("the", "a", "to", "of", "in", "and", "for", "with", "from", "at", "on", "is", "was")
_NEVER_TYPED = frozenset(
    words("trial trail diary dairy angel angle quite quiet three there these those their where")
)

Damage = Callable[[Random, str], str | None]


def _words_among(text: str, known: Mapping[str, str]) -> list[re.Match[str]]:
    return [
        match
        for match in re.finditer(r"[A-Za-z]+(?:'[a-z]+)?", text)
        if match.group().lower() in known
    ]


def _replaced(chance: Random, text: str, known: Mapping[str, str]) -> str | None:
    found = _words_among(text, known)
    if not found:
        return None
    match = chance.choice(found)
    wrong = known[match.group().lower()]
    if match.group()[0].isupper():
        wrong = wrong.capitalize()
    return text[: match.start()] + wrong + text[match.end() :]


def _agreement(chance: Random, text: str) -> str | None:
    return _replaced(chance, text, _SWAPS)


def _sound_alike(chance: Random, text: str) -> str | None:
    return _replaced(chance, text, _SOUND_ALIKE)


def _past(chance: Random, text: str) -> str | None:
    return _replaced(chance, text, _PASTS)


def _third_person(chance: Random, text: str) -> str | None:
    return _replaced(chance, text, _third_forms())


def _misspelling(chance: Random, text: str) -> str | None:
    return _replaced(chance, text, _MISSPELT)


def _typo(chance: Random, text: str) -> str | None:
    """A slip of the keys in a common word: two letters swapped, one lost, one doubled."""
    found = [m for m in re.finditer(r"\b[a-z]{5,}\b", text) if m.group() in common_words()]
    if not found:
        return None
    match = chance.choice(found)
    word = match.group()
    place = chance.randint(1, len(word) - 3)
    way = chance.randrange(3)
    if way == 0:
        wrong = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    elif way == 1:
        wrong = word[:place] + word[place + 1 :]
    else:
        wrong = word[: place + 1] + word[place:]
    if wrong == word or wrong in common_words() or wrong in _NEVER_TYPED:
        return None
    return text[: match.start()] + wrong + text[match.end() :]


def _wrong_article(chance: Random, text: str) -> str | None:
    found = list(_ARTICLE.finditer(text))
    if not found:
        return None
    match = chance.choice(found)
    one = match.group(1)
    return text[: match.start()] + (one[0] if len(one) == 2 else one + "n") + text[match.end(1) :]


def _preposition(chance: Random, text: str) -> str | None:
    found = [(match, new) for pattern, new in _FIXED for match in pattern.finditer(text)]
    if not found:
        return None
    match, new = chance.choice(found)
    return text[: match.start()] + new + text[match.end() :]


def _doubled(chance: Random, text: str) -> str | None:
    found = [m for m in re.finditer(r"\b[a-z]+\b(?= )", text) if m.group() in _DOUBLED]
    if not found:
        return None
    match = chance.choice(found)
    return text[: match.end()] + " " + match.group() + text[match.end() :]


def _small_letter(chance: Random, text: str) -> str | None:
    found = [m for m in re.finditer(r"\b[A-Z][a-z]+\b", text) if m.group() in _TIMES]
    starts = [m for m in re.finditer(r"(?:^|(?<=[.?!] ))[A-Z][a-z]+", text) if len(m.group()) > 1]
    usable = found + [m for m in starts if m.group() not in _TIMES]
    if not usable:
        return None
    place = chance.choice(usable).start()
    return text[:place] + text[place].lower() + text[place + 1 :]


def _no_full_stop(_chance: Random, text: str) -> str | None:
    return text[:-1] if text.endswith((".", "?")) else None


def _no_apostrophe(_chance: Random, text: str) -> str | None:
    bare = re.sub(r"(?<=n)'(?=t\b)|(?<=\bI)'(?=m\b)", "", text, count=1)
    return bare if bare != text else None


def _no_comma(_chance: Random, text: str) -> str | None:
    bare = re.sub(r"^((?:On|In|At|After|Since|For|From)\b[^,.]{3,30}),(?= )", r"\1", text)
    return bare if bare != text else None


def _no_plural(chance: Random, text: str) -> str | None:
    found = [m for m in _COUNTED.finditer(text) if not m.group().endswith("ss")]
    if not found:
        return None
    match = chance.choice(found)
    return text[: match.end() - 1] + text[match.end() :]


DAMAGES: Mapping[str, Damage] = {
    "agreement": _agreement,
    "sound alike": _sound_alike,
    "irregular past": _past,
    "third person": _third_person,
    "misspelling": _misspelling,
    "typing slip": _typo,
    "article": _wrong_article,
    "preposition": _preposition,
    "doubled word": _doubled,
    "capital": _small_letter,
    "full stop": _no_full_stop,
    "apostrophe": _no_apostrophe,
    "comma": _no_comma,
    "plural": _no_plural,
}
# As often as a person makes them: slips of the keys and of agreement lead.
_WEIGHTS = (3, 4, 4, 4, 3, 4, 3, 4, 2, 2, 1, 2, 1, 3)


def damaged(
    chance: Random, text: str, count: int, kinds: Sequence[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """The text with up to `count` errors of different kinds, and the names of these kinds."""
    made: list[str] = []
    names = list(DAMAGES)
    for _ in range(count * 24):
        if len(made) == count:
            break
        kind = chance.choice(kinds) if kinds else chance.choices(names, _WEIGHTS)[0]
        if kind in made:
            continue
        changed = DAMAGES[kind](chance, text)
        if changed is not None and changed != text:
            text = changed
            made.append(kind)
    return text, tuple(made)


@cache
def common_words() -> frozenset[str]:
    """Words of five or more letters that the training scenes use."""
    text = " ".join(
        part
        for scene in scenes(False)
        for part in (*scene.predicates, *(one for said in scene.statements for one in said))
    )
    found = set(re.findall(r"(?<![{:\w])[a-z]{5,}(?![}\w])", text))
    return frozenset(found) - _NEVER_TYPED


@cache
def _third_forms() -> Mapping[str, str]:
    """Verbs in -s that begin a predicate of a scene, each with its bare form."""
    found = {}
    for scene in (*scenes(False), *scenes(True)):
        for predicate in scene.predicates:
            first = re.match(r"(?:\[\w+~)?([a-z]+s)\b", predicate)
            if first and first.group(1) not in ("is", "was", "has"):
                third = first.group(1)
                found[third] = _bare(third)
    return found


def _bare(third: str) -> str:
    if third.endswith(("ches", "shes", "sses", "xes", "oes")):
        return third[:-2]
    return third[:-3] + "y" if third.endswith("ies") else third[:-1]
