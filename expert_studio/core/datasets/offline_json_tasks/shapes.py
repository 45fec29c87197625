"""Shapes of JSON documents: keys, kinds, nesting; filled with values, they are documents.

Notation, one shape a line: `name: key=kind key{...} key*{...} key*=kind key?=kind`, where
`*` is a list of two to four and `?` may be null. Shapes with "!" are held out. Knows no task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from expert_studio.core.datasets import offline_words
from expert_studio.core.datasets.offline_words import Filled, Json, words

Document = dict[str, "Member"]
Member = Json | list["Member"] | dict[str, "Member"]

_TEXT = """
invoice: id=code vendor=company date=iso total=amount currency=currency paid=truth
receipt: store=company item=item price=amount cash?=amount
contact: name=person email=email phone=phone city=city
profile: name=person age=age job=job languages*=language active=truth
event: title=title city=city date=iso start=time guests?=count
meeting: host=person room=code day=day topics*=subject
order: order_id=code customer=person items*{name=item quantity=small price=amount} paid=truth
hotel: guest=person nights=small room{number=count floor=small view=color} breakfast=truth
flight: flight=code origin=city destination=city departure=time delay?=small
book: title=title author=person year=year pages=count tags*=subject
film: title=title director=person year=year rating=score cast*=person
weather: city=city temperature=degrees wind{speed=small direction=compass} rain=truth
server: host=host port=count region=city healthy=truth load=score
product: name=item color=color price=amount stock=count size{width=count height=count}
job_offer: company=company job=job city=city salary=count remote=truth
ticket: id=code reporter=person product=device open=truth priority=level
employee: name=person job=job manager?=person address{street=street city=city} since=year
recipe: dish=food minutes=count servings=small vegetarian=truth steps*=step
patient: name=person age=age visits*{date=iso doctor=person} insured=truth
course: subject=subject teacher=person places=small days*=day price=amount
match: sport=sport home=city away=city score{home=small away=small} minute=count
album: title=title artist=person year=year tracks*{name=title seconds=count}
sensor: id=code place=room value=score unit=unit ok=truth
train: number=code from=city to=city stops*=city price=amount
config: debug=truth port=count log{level=level file=path} retries=small
user: login=login email=email roles*=role last_login?=iso locked=truth
payment: from=person to=company amount=amount currency=currency reference?=code
pet: name=name animal=pet age=small owner{name=person phone=phone}
survey: question=subject votes{yes=count no=count} closed=truth
garden: plant=plant height=count watered=truth next=day
car: plate=code vehicle=vehicle color=color year=year owner?=person
library: branch=city open=truth hours{from=time to=time} books=count
song: title=title instrument=instrument seconds=count language?=language
shipment: code=code weight=score from=city to=city parcels*{id=code fragile=truth}
museum: name=museum city=city founded=year exhibits*{title=title year=year}
exam: student=person subject=subject points=percent passed=truth
window: title=title width=count height=count visible=truth position{x=count y=count}
theme: name=color dark=truth fonts*=font size=small
build: version=version branch=role ok=truth seconds=score steps*{name=role ok=truth}
alarm: time=time days*=day label?=title enabled=truth
store: company=company address{street=street city=city country=country} staff=count
stock: item=item count=count shelf=code reserved?=small
league: sport=sport year=year teams*{city=city points=percent}
letter: to=person from=person date=iso subject=subject urgent=truth
tour: guide=person language=language stops*{building=building minutes=small} price=amount
message: sender=login text=note read=truth sent=iso
review: user=login stars=small comment=note product=item
menu: restaurant=company day=day dishes*{food=food price=amount}
api: path=path method=method auth=truth params*=login timeout?=count
device: device=device serial=code battery=percent sensors*=unit online=truth
!car_rental: driver=person vehicle=vehicle days=small pickup{city=city date=iso} insured=truth
!donation: donor=person charity=company amount=amount currency=currency anonymous=truth
!loan: reader=person title=title due=iso renewed=truth fee?=amount
!apartment: street=street city=city rooms=small rent=amount tenants*=person
!expedition: leader=person country=country year=year camps*{name=title nights=small}
!vineyard: owner=person grape=color bottles=count organic=truth cellar{steps=small degrees=degrees}
!backup: host=host started=iso files=count ok=truth failed*=path
!election: city=city year=year candidates*{name=person percent=percent} turnout=percent
!bakery_order: customer=person food=food pieces=small pickup=time note?=note
!playlist: name=title public=truth songs*{title=title seconds=count} followers=count
!telescope: place=city mirror=count object?=title clear=truth images*=code
!permit: holder=person job=job valid{from=iso to=iso} number=code
"""
_NOTES = words(
    "Great value! ⭐,See you at 5 😀,Très bien,Almost too small,Works as described,"
    "Naïve but nice,Please call back,100 % cotton,Ça va?,Not bad at all,Back in 10 min,"
    "Coffee & cake ☕,Straße gesperrt,Arrived late,très cher,Would buy again,"
    "Line 1/2,50 € back,Über alles gut,Missing a screw,Thanks a lot 🎉,¿Cuándo?,"
    "Too loud,Very quiet,Broken on arrival,Fits well,Smells odd,ask Zoë first"
)


def _number(low: float, high: float) -> offline_words.Kind:
    def draw(chance: Random, _held_out: bool) -> Filled:
        number = round(chance.uniform(low, high), chance.choice((1, 2)))
        return Filled(str(number), number)

    return draw


def _iso(chance: Random, _held_out: bool) -> Filled:
    day = f"{chance.randint(2015, 2027)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
    return Filled(day, day)


def _degrees(chance: Random, _held_out: bool) -> Filled:
    number = chance.randint(-15, 39)
    return Filled(str(number), number)


def _login(chance: Random, held_out: bool) -> Filled:
    name = offline_words.draw("name", chance, held_out).shown
    plain = name.lower().encode("ascii", "ignore").decode()
    return _text(f"{plain}{chance.choice(('', '_', '.'))}{chance.randint(1, 99)}")


def _host(chance: Random, held_out: bool) -> Filled:
    head = offline_words.pick(offline_words.COMPANY_HEAD, chance, held_out).lower()
    return _text(f"{head}-{chance.randint(1, 40):02d}.example")


def _path(chance: Random, held_out: bool) -> Filled:
    folder = offline_words.pick(offline_words.TITLE_TAIL, chance, held_out).lower()
    return _text(f"/{chance.choice(('var', 'data', 'srv', 'api', 'v1'))}/{folder}")


def _version(chance: Random, _held_out: bool) -> Filled:
    return _text(".".join(str(chance.randint(0, 12)) for _ in range(3)))


def _text(text: str) -> Filled:
    return Filled(text, text)


def _of(some: tuple[str, ...]) -> offline_words.Kind:
    return lambda chance, _: _text(chance.choice(some))


_MORE_KINDS: Mapping[str, offline_words.Kind] = {
    "iso": _iso,
    "degrees": _degrees,
    "score": _number(0.1, 99.0),
    "login": _login,
    "host": _host,
    "path": _path,
    "version": _version,
    "currency": _of(words("EUR USD GBP CHF SEK JPY PLN BRL INR")),
    "level": _of(words("low medium high urgent none debug info")),
    "compass": _of(words("north south east west north-east south-west")),
    "unit": _of(words("°C kg kWh bar lux cm m/s µg")),
    "role": _of(words("admin editor guest owner viewer tester main release")),
    "font": _of(words("Inter Lato Garamond Futura Georgia Verdana Roboto")),
    "method": _of(words("GET POST PUT DELETE PATCH")),
    "step": _of(words("mix,bake,cool,chop,fry,stir,season,serve,boil,drain,peel,whisk")),
    "note": _of(_NOTES),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A document shape: each key with a kind or with keys of its own."""

    name: str
    held_out: bool
    members: tuple[Key, ...]

    @property
    def has_object(self) -> bool:
        return any(key.members and not key.many for key in self.members)

    @property
    def is_flat(self) -> bool:
        return not any(key.many or key.members for key in self.members)


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `kind` is empty where it has members."""

    name: str
    kind: str
    many: bool
    nullable: bool
    members: tuple[Key, ...]


@cache
def shapes(held_out: bool) -> tuple[Shape, ...]:
    """The shapes of training, or the held-out ones."""
    found = []
    for line in _TEXT.strip().splitlines():
        name, _, body = line.removeprefix("!").partition(": ")
        found.append(Shape(name, line.startswith("!"), _keys(iter(_parts(body)))))
    return tuple(shape for shape in found if shape.held_out == held_out)


@cache
def keys_of_shapes(held_out: bool) -> frozenset[str]:
    """What the keys of those shapes are called, at any depth."""
    waiting = [key for shape in shapes(held_out) for key in shape.members]
    found = set()
    while waiting:
        key = waiting.pop()
        found.add(key.name)
        waiting += key.members
    return frozenset(found)


def filled(shape: Shape, chance: Random, held_out: bool, nested: bool = True) -> Document:
    """A document of a shape; without `nested`, lists and inner objects are left out."""
    return _object(shape.members, chance, held_out, nested)


def value(kind: str, chance: Random, held_out: bool) -> Filled:
    """One value of a kind, of this module or of `offline_words`."""
    return (_MORE_KINDS.get(kind) or offline_words.KINDS[kind])(chance, held_out)


def camel(key: str) -> str:
    """`last_login` as `lastLogin`."""
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), key)


def _object(
    keys: tuple[Key, ...], chance: Random, held_out: bool, nested: bool
) -> dict[str, Member]:
    made: dict[str, Member] = {}
    for key in keys:
        if (key.many or key.members) and not nested:
            continue
        if key.many:
            made[key.name] = [
                _one(key, chance, held_out, nested) for _ in range(chance.randint(2, 3))
            ]
        else:
            made[key.name] = _one(key, chance, held_out, nested)
    return made


def _one(key: Key, chance: Random, held_out: bool, nested: bool) -> Member:
    if key.members:
        return _object(key.members, chance, held_out, nested)
    if key.nullable and chance.random() < 0.4:
        return None
    return value(key.kind, chance, held_out).value


def _parts(body: str) -> list[str]:
    return re.findall(r"\w+\??\*?=\w+|\w+\*?\{|\}", body)


def _keys(parts: Iterator[str]) -> tuple[Key, ...]:
    found: list[Key] = []
    for part in parts:
        if part == "}":
            break
        name, _, kind = part.partition("=")
        many, nullable = "*" in name, "?" in name
        members = _keys(parts) if part.endswith("{") else ()
        found.append(Key(name.strip("*?{"), kind, many, nullable, members))
    return tuple(found)
