"""JSON tasks made by rule: extract fields, repair broken JSON, convert lines to JSON.

Each family is a schema with sentences that state it; held-out families are never drawn
for training. Same seed, same rows. Knows nothing of files or training.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from expert_studio.core.datasets import offline_values as v
from expert_studio.core.datasets.examples import Example, Turn, user_message
from expert_studio.core.datasets.offline_values import Draw, Value

Fields = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Family:
    """One schema: how each field is drawn and how sentences state all of them."""

    name: str
    fields: Mapping[str, Draw]
    sentences: tuple[str, ...]


def _schema(name: str, fields: dict[str, Draw], *sentences: str) -> Family:
    return Family(name, fields, sentences)


FAMILIES = (
    _schema(
        "invoice",
        {"vendor": v.company, "date": v.date, "total": v.amount, "currency": v.currency},
        "Invoice from {vendor}, dated {date}. Total due: {total} {currency}.",
        "{vendor} sent us a bill of {total} {currency} on {date}.",
        "On {date} we paid {currency} {total} to {vendor}.",
        "{vendor}\nInvoice date: {date}\nAmount: {total} {currency}",
    ),
    _schema(
        "receipt",
        {"store": v.company, "item": v.item, "price": v.amount, "currency": v.currency},
        "Bought a {item} at {store} for {price} {currency}.",
        "{store} receipt: one {item}, {currency} {price}.",
        "The {item} cost {price} {currency} at {store}.",
    ),
    _schema(
        "contact",
        {"name": v.person, "email": v.email, "phone": v.phone, "city": v.city},
        "{name} lives in {city}. Write to {email} or call {phone}.",
        "Contact {name} ({email}, {phone}) in {city}.",
        "Name: {name}. City: {city}. Phone {phone}, mail {email}.",
    ),
    _schema(
        "person",
        {"name": v.person, "age": v.age, "job": v.job, "city": v.city},
        "{name}, {age}, works as a {job} in {city}.",
        "{name} is {age} years old and lives in {city}. By profession: {job}.",
        "The {job} {name} from {city} turned {age} last week.",
    ),
    _schema(
        "event",
        {"event": v.title, "city": v.city, "date": v.date, "time": v.clock},
        "{event} takes place in {city} on {date} at {time}.",
        "Join us for {event}! {date}, {time}, {city}.",
        "In {city} on {date}, doors open at {time} for {event}.",
    ),
    _schema(
        "meeting",
        {"organizer": v.person, "day": v.weekday, "time": v.clock, "room": v.code},
        "{organizer} invites you to a meeting on {day} at {time} in room {room}.",
        "Meeting with {organizer}: {day}, {time}, room {room}.",
        "Please come to room {room} on {day}. {organizer} will start at {time}.",
    ),
    _schema(
        "order",
        {"order_id": v.code, "customer": v.person, "item": v.item, "quantity": v.small},
        "Order {order_id}: {customer} wants {quantity} pieces of {item}.",
        "{customer} ordered {quantity} x {item} (order {order_id}).",
        "We ship {quantity} units of {item} to {customer} under number {order_id}.",
    ),
    _schema(
        "hotel",
        {"guest": v.person, "hotel": v.title, "nights": v.small, "check_in": v.date},
        "{guest} stays {nights} nights at {hotel}, arriving {check_in}.",
        "Booking at {hotel} for {guest}: check-in {check_in}, {nights} nights.",
        "From {check_in}, {guest} has a room at {hotel} for {nights} nights.",
    ),
    _schema(
        "flight",
        {"flight": v.code, "origin": v.city, "destination": v.city, "departure": v.clock},
        "Flight {flight} from {origin} to {destination} leaves at {departure}.",
        "{flight} departs {origin} at {departure} for {destination}.",
        "Going to {destination}? Take {flight}, {departure} from {origin}.",
    ),
    _schema(
        "book",
        {"title": v.title, "author": v.person, "year": v.year, "pages": v.count},
        "{title} by {author} was published in {year} and has {pages} pages.",
        "{author} wrote {title} ({year}, {pages} pages).",
        "In {year} came {title}, {pages} pages, by {author}.",
    ),
    _schema(
        "film",
        {"title": v.title, "director": v.person, "year": v.year, "minutes": v.count},
        "{title} ({year}), directed by {director}, runs {minutes} minutes.",
        "{director} made {title} in {year}. Length: {minutes} minutes.",
    ),
    _schema(
        "weather",
        {"city": v.city, "temperature": v.degrees, "wind": v.small, "day": v.weekday},
        "{day} in {city}: {temperature} degrees, wind {wind} km/h.",
        "Expect {temperature} degrees in {city} on {day} with wind of {wind} km/h.",
    ),
    _schema(
        "server",
        {"host": v.host, "port": v.count, "region": v.city, "healthy": v.truth},
        "Server {host} in {region} listens on port {port}. Healthy: {healthy}.",
        "{host}:{port} ({region}) healthy={healthy}",
    ),
    _schema(
        "product",
        {"product": v.item, "color": v.color, "price": v.amount, "stock": v.count},
        "The {color} {product} costs {price}. We have {stock} in stock.",
        "{stock} pieces of the {product} in {color} are left, {price} each.",
        "Now in {color}: our {product} for {price} ({stock} available).",
    ),
    _schema(
        "job_offer",
        {"company": v.company, "job": v.job, "city": v.city, "salary": v.count},
        "{company} is looking for a {job} in {city}. Pay: {salary} a day.",
        "Wanted in {city}: {job} at {company}, {salary} per day.",
    ),
    _schema(
        "ticket",
        {"ticket": v.code, "reporter": v.person, "product": v.item, "open": v.truth},
        "Ticket {ticket} was filed by {reporter} about the {product}. Open: {open}.",
        "{reporter} reports a broken {product} ({ticket}). Still open: {open}.",
    ),
)
HELD_OUT_FAMILIES = (
    _schema(
        "car_rental",
        {"driver": v.person, "car": v.color, "pickup": v.city, "days": v.small},
        "{driver} rents the {car} car in {pickup} for {days} days.",
        "Rental for {driver}: {car} car, pick up in {pickup}, {days} days.",
    ),
    _schema(
        "donation",
        {"donor": v.person, "charity": v.company, "amount": v.amount, "date": v.date},
        "{donor} gave {amount} to {charity} on {date}.",
        "Thank you, {donor}! {charity} received {amount} from you on {date}.",
    ),
    _schema(
        "library_loan",
        {"reader": v.person, "book": v.title, "due": v.date, "renewed": v.truth},
        "{reader} borrowed {book}, due back on {due}. Renewed: {renewed}.",
        "{book} is on loan to {reader} until {due} (renewed: {renewed}).",
    ),
    _schema(
        "apartment",
        {"address": v.host, "rooms": v.small, "rent": v.amount, "city": v.city},
        "{rooms} rooms at {address} in {city} for {rent} a month.",
        "To let in {city}: {address}, {rooms} rooms, rent {rent}.",
    ),
)
_ASK = (
    "Extract {keys} as JSON.",
    "Extract {keys} from this text as JSON.",
    "Return a JSON object with the keys {keys}.",
    "Give {keys} as JSON.",
    "Read the text and answer with JSON. Keys: {keys}.",
)
MEDLEY_SHARE = 0.4
_ASK_ONE_LINE = ("Extract {keys} as JSON: {text}", "Give {keys} as JSON: {text}")


# Schemas put together anew for every row, so that keys are copied, not remembered.
_KEYS: Mapping[str, Draw] = {
    "name": v.person,
    "sender": v.person,
    "owner": v.person,
    "manager": v.person,
    "artist": v.person,
    "subject": v.phrase,
    "topic": v.phrase,
    "note": v.phrase,
    "status": v.word,
    "category": v.word,
    "brand": v.company,
    "team": v.company,
    "supplier": v.company,
    "country": v.city,
    "town": v.city,
    "destination": v.city,
    "born": v.year,
    "founded": v.year,
    "score": v.small,
    "level": v.small,
    "size": v.count,
    "weight": v.count,
    "cost": v.amount,
    "price": v.amount,
    "tax": v.amount,
    "id": v.code,
    "model": v.code,
    "day": v.weekday,
    "deadline": v.date,
    "created": v.date,
    "time": v.clock,
    "active": v.truth,
    "paid": v.truth,
    "color": v.color,
    "item": v.item,
    "website": v.host,
    "email": v.email,
    "phone": v.phone,
}
_STATEMENTS = (
    "The {key} is {value}.",
    "Its {key} is {value}.",
    "{Key}: {value}.",
    "{Key} = {value}.",
)
_ASIDES = (
    "Please reply within 30 days.",
    "Thank you for your message.",
    "This is the second reminder.",
    "We look forward to seeing you.",
    "See page 4 for details.",
    "No further action is needed.",
)


def _medley(chance: Random) -> Family:
    names = chance.sample(list(_KEYS), chance.randint(2, 5))
    parts = [
        chance.choice(_STATEMENTS).format(key=name, Key=name.capitalize(), value=f"{{{name}}}")
        for name in names
    ]
    chance.shuffle(parts)
    return Family("medley", {name: _KEYS[name] for name in names}, (" ".join(parts),))


def rows(count: int, seed: int, held_out: bool, share: Mapping[str, float]) -> Iterator[Example]:
    """Yields `count` examples: tasks drawn by `share` (extract, repair, convert).

    Held-out rows take families and values that other rows never take, half of them each:
    every second row is of a known family with unseen values, the rest of an unseen family.
    """
    chance = Random(f"json-{seed}-{held_out}")
    tasks, shares = list(share), list(share.values())
    for index in range(count):
        task = chance.choices(tasks, shares)[0]
        unseen_family = held_out and index % 2 == 0
        family = chance.choice(HELD_OUT_FAMILIES if unseen_family else FAMILIES)
        if not unseen_family and chance.random() < MEDLEY_SHARE:
            family = _medley(chance)
        drawn = {name: draw(chance, held_out) for name, draw in family.fields.items()}
        asked, answer = TASKS[task](chance, family, drawn)
        seen = "unseen" if unseen_family else "seen"
        yield Example(
            turns=(Turn("user", asked), Turn("assistant", answer)),
            identifier=f"json-{task}-{'held-out' if held_out else 'train'}-{seed}-{index}",
            family=f"{task}/{family.name}/{seen}",
            source="made by rule (expert_studio.core.datasets.offline_json)",
            license="CC0-1.0",
            scorer="json",
        )


def compact(fields: Fields) -> str:
    """One line of JSON, as every answer of these tasks is written."""
    return json.dumps(fields, ensure_ascii=False)


def _extract(chance: Random, family: Family, drawn: Fields) -> tuple[str, str]:
    names = list(drawn)
    chance.shuffle(names)
    asked = names[: chance.randint(2, len(names))] if chance.random() < 0.6 else list(drawn)
    written = {name: _written(value) for name, value in drawn.items()}
    text = chance.choice(family.sentences).format(**written)
    if chance.random() < 0.25:
        aside = chance.choice(_ASIDES)
        text = f"{text} {aside}" if chance.random() < 0.6 else f"{aside} {text}"
    spoken = [f"the {name.replace('_', ' ')}" for name in asked]
    named = spoken if chance.random() < 0.15 else asked
    keys = ", ".join(named[:-1]) + chance.choice((", ", " and ")) + named[-1]
    answer = compact({name: drawn[name] for name in asked})
    if chance.random() < 0.3:
        return chance.choice(_ASK_ONE_LINE).format(keys=keys, text=text), answer
    return user_message(chance.choice(_ASK).format(keys=keys), text), answer


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _convert(chance: Random, _family: Family, drawn: Fields) -> tuple[str, str]:
    names = list(drawn)
    chance.shuffle(names)
    fields = {name: drawn[name] for name in names[: chance.randint(2, len(names))]}
    if chance.random() < 0.5:
        lines = "\n".join(f"{name}: {_literal(value)}" for name, value in fields.items())
        return user_message("Convert these lines to JSON.", lines), compact(fields)
    header = ",".join(fields)
    row = ",".join(_literal(value).replace(",", "") for value in fields.values())
    plain = {k: x.replace(",", "") if isinstance(x, str) else x for k, x in fields.items()}
    return user_message("Convert this CSV to JSON.", f"{header}\n{row}"), compact(plain)


def _literal(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _repair(chance: Random, _family: Family, drawn: Fields) -> tuple[str, str]:
    names = list(drawn)
    chance.shuffle(names)
    answer = compact({name: drawn[name] for name in names[: chance.randint(2, len(names))]})
    broken = answer
    for damage in chance.sample(DAMAGES, chance.choice((1, 1, 2))):
        broken = damage(chance, broken)
    if broken == answer:
        broken = _without_brace(chance, answer)
    ask = chance.choice(("Repair this JSON.", "Fix this invalid JSON.", "Make this valid JSON."))
    return user_message(ask, broken), answer


def _without_brace(_chance: Random, text: str) -> str:
    return text.removesuffix("}")


def _trailing_comma(_chance: Random, text: str) -> str:
    return text.removesuffix("}") + ",}" if text.endswith("}") else text + ","


def _single_quotes(_chance: Random, text: str) -> str:
    return text.replace('"', "'")


def _bare_keys(_chance: Random, text: str) -> str:
    parts = text.split('": ')
    unquoted = [_drop_last_quote(part) for part in parts[:-1]] + parts[-1:]
    return ": ".join(unquoted)


def _drop_last_quote(part: str) -> str:
    head, quote, key = part.rpartition('"')
    return head + key if quote else part


def _missing_comma(_chance: Random, text: str) -> str:
    return text.replace(', "', ' "', 1)


def _python_literals(_chance: Random, text: str) -> str:
    return text.replace(": true", ": True").replace(": false", ": False")


def _equals_sign(_chance: Random, text: str) -> str:
    return text.replace('": ', '" = ')


DAMAGES: tuple[Callable[[Random, str], str], ...] = (
    _without_brace,
    _trailing_comma,
    _single_quotes,
    _bare_keys,
    _missing_comma,
    _python_literals,
    _equals_sign,
)
TASKS: Mapping[str, Callable[[Random, Family, Fields], tuple[str, str]]] = {
    "extract": _extract,
    "repair": _repair,
    "convert": _convert,
}
