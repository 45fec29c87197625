"""Values for examples made by rule: names, places, amounts, dates.

Everything comes from the `random.Random` it is given. Names are built from parts, and a
part of them is set aside for held-out rows, so that a model cannot have seen those.
Knows nothing of templates.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Value = str | int | float | bool
Draw = Callable[[Random, bool], Value]  # (source of chance, held out) -> value


def _words(text: str) -> list[str]:
    return text.split()


_FIRST = _words(
    "Anna Ben Carla David Elena Frank Grace Hugo Irene Jonas Karin Leo Maria Nils Olga Paul Rosa "
    "Simon Tara Victor Wanda Yusuf Amir Bianca Chloe Diego Emma Felix Hana Ivan Julia Kofi Lina "
    "Marco Nadia Oscar Petra Rahul Sofia Tomas Uma Vera Walter Zoe Aisha Bruno Clara Dmitri Esther "
    "Farid Gloria Henry Ines Jack Kim Laura Mona Noah Priya Quentin Ruth Samir Theo"
)
_LAST = _words(
    "Adler Baker Costa Dietrich Evans Fischer Garcia Hansen Ito Jensen Keller Lopez Moreau Novak "
    "Olsen Patel Quinn Rossi Schmidt Tanaka Ueda Varga Weber Xu Young Ziegler Ahmed Berg Clark "
    "Duarte Engel Ferrari Gupta Hoffman Ivanov Johnson Kumar Larsen Meyer Nguyen Okafor Petrov "
    "Ramos Silva Torres Urban Vogel Walsh Yilmaz Zhang Abbott Brandt Castro Dunn Eriksen Flores"
)
_COMPANY_HEAD = _words(
    "Alpine Blue Bright Cedar Coast Delta Eagle Ember Falcon Golden Green Harbor Iron Jade Kings "
    "Lake Lunar Maple Metro Nova North Oak Ocean Orion Pacific Pine Polar Prime Quick Red River "
    "Royal Silver Solar South Star Stone Summit Swift Terra Union Vista Western Willow Winter Zen"
)
_COMPANY_TAIL = _words(
    "Bakery Books Cables Catering Coffee Cycles Design Electric Foods Freight Furniture Garden "
    "Glass Hardware Labs Logistics Media Motors Optics Paper Parts Plastics Print Rail Roofing "
    "Security Software Steel Storage Supplies Systems Telecom Textiles Tools Toys Trading Travel"
)
_CITY = _words(
    "Berlin Paris Madrid Rome Vienna Oslo Dublin Lisbon Prague Warsaw Zurich Athens Helsinki "
    "Boston Chicago Denver Seattle Austin Toronto Montreal Sydney Perth Tokyo Osaka Seoul Mumbai "
    "Delhi Cairo Lagos Nairobi Lima Bogota Santiago Munich Hamburg Milan Turin Lyon Porto Geneva "
    "Bergen Leeds York Bristol Glasgow Krakow Gdansk Valencia Seville Naples Dallas Phoenix Miami "
    "Atlanta Portland Calgary Ottawa Kyoto Busan Pune Chennai"
)
_ITEM = _words(
    "lamp chair desk kettle backpack bicycle camera drill fan guitar hammer jacket keyboard ladder "
    "mirror monitor notebook oven pillow printer radio router saw scarf shelf sofa speaker table "
    "tent toaster towel umbrella vase wallet watch whistle blanket bottle bucket candle clock"
)
_COLOR = _words("red blue green black white yellow brown grey orange purple pink silver")
_JOB = _words(
    "engineer teacher nurse baker driver lawyer painter plumber chemist editor farmer pilot "
    "designer cook dentist gardener librarian mechanic musician photographer translator welder"
)
_TITLE_HEAD = _words(
    "Silent Hidden Broken Distant Golden Empty Frozen Burning Quiet Lost Last Bright Secret Long "
    "Open Paper Winter Summer Crooked Wild"
)
_TITLE_TAIL = _words(
    "River Garden House Road Mirror Harbor Letter Mountain Night Forest Island Window Bridge "
    "Season Storm Valley Orchard Lantern Shore Kingdom"
)
_MONTH = _words(
    "January February March April May June July August September October November December"
)
_WEEKDAY = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "JPY")


_ONSETS = _words("b br c ch d dr f fl g gr h j k kl l m n p pr r s sh st t tr v w y z")
_VOWELS = _words("a e i o u ai ea ou ie")
_CODAS = _words("n r l s t m nd rt ck x th ng ss lla ria ton ville")
_HELD_OUT_CODAS = _words("sk mp vik dorf by")
INVENTED_SHARE = 0.35  # words no list holds: copying must be learned, not remembered


def _invented(chance: Random, held_out: bool) -> str:
    """A pronounceable word; held-out ones end as no other does."""
    middle = "".join(chance.choice(_ONSETS) + chance.choice(_VOWELS) for _ in range(2))
    return (middle + chance.choice(_HELD_OUT_CODAS if held_out else _CODAS)).capitalize()


def _name_part(words: list[str], chance: Random, held_out: bool) -> str:
    if chance.random() < INVENTED_SHARE:
        return _invented(chance, held_out)
    return _pick(words, chance, held_out)


def _pick(words: list[str], chance: Random, held_out: bool) -> str:
    """One word: from the last quarter of the list for held-out rows, else from the rest."""
    border = len(words) * 3 // 4
    return chance.choice(words[border:] if held_out else words[:border])


def person(chance: Random, held_out: bool) -> str:
    first = _name_part(_FIRST, chance, held_out)
    return first if chance.random() < 0.15 else f"{first} {_name_part(_LAST, chance, held_out)}"


def company(chance: Random, held_out: bool) -> str:
    head = _name_part(_COMPANY_HEAD, chance, held_out)
    ending = chance.choice(("", "", " Ltd", " Inc", " GmbH", " & Sons"))
    return f"{head} {_pick(_COMPANY_TAIL, chance, held_out)}{ending}"


def title(chance: Random, held_out: bool) -> str:
    return f"The {_pick(_TITLE_HEAD, chance, held_out)} {_pick(_TITLE_TAIL, chance, held_out)}"


def city(chance: Random, held_out: bool) -> str:
    return _name_part(_CITY, chance, held_out)


def item(chance: Random, held_out: bool) -> str:
    return _pick(_ITEM, chance, held_out)


def color(chance: Random, _held_out: bool) -> str:
    return chance.choice(_COLOR)


def job(chance: Random, held_out: bool) -> str:
    return _pick(_JOB, chance, held_out)


def weekday(chance: Random, _held_out: bool) -> str:
    return chance.choice(_WEEKDAY)


def date(chance: Random, _held_out: bool) -> str:
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(2015, 2027)
    written = (
        f"{year}-{month:02d}-{day:02d}",
        f"{day} {_MONTH[month - 1]} {year}",
        f"{_MONTH[month - 1]} {day}, {year}",
    )
    return chance.choice(written)


def clock(chance: Random, _held_out: bool) -> str:
    return f"{chance.randint(6, 22)}:{chance.choice(('00', '15', '30', '45'))}"


def amount(chance: Random, _held_out: bool) -> float:
    whole = chance.randint(3, 2400)
    return round(whole + chance.choice((0.5, 0.25, 0.95, 0.99, 0.1, 0.49, 0.75)), 2)


def word(chance: Random, held_out: bool) -> str:
    return _invented(chance, held_out).lower()


def phrase(chance: Random, held_out: bool) -> str:
    first = chance.choice(("broken", "late", "new", "missing", "open", "second", "old", "free"))
    return f"{first} {_pick(_ITEM, chance, held_out)}"


def currency(chance: Random, _held_out: bool) -> str:
    return chance.choice(CURRENCIES)


def small(chance: Random, _held_out: bool) -> int:
    return chance.randint(2, 12)


def age(chance: Random, _held_out: bool) -> int:
    return chance.randint(18, 88)


def count(chance: Random, _held_out: bool) -> int:
    return chance.randint(13, 980)


def year(chance: Random, _held_out: bool) -> int:
    return chance.randint(1901, 2026)


def degrees(chance: Random, _held_out: bool) -> int:
    return chance.randint(-12, 38)


def truth(chance: Random, _held_out: bool) -> bool:
    return chance.random() < 0.5


def code(chance: Random, _held_out: bool) -> str:
    letters = "".join(chance.choice("ABCDEFGHKLMNPRSTUVWX") for _ in range(2))
    return f"{letters}-{chance.randint(100, 9999)}"


def email(chance: Random, held_out: bool) -> str:
    name = _pick(_FIRST, chance, held_out).lower()
    last = _pick(_LAST, chance, held_out).lower()
    return f"{name}.{last}@{_pick(_COMPANY_HEAD, chance, held_out).lower()}.example"


def phone(chance: Random, _held_out: bool) -> str:
    return f"+{chance.randint(1, 98)} {chance.randint(100, 999)} {chance.randint(1000, 9999)}"


def host(chance: Random, held_out: bool) -> str:
    tail = _pick(_TITLE_TAIL, chance, held_out).lower()
    return f"{tail}-{chance.randint(1, 40):02d}"
