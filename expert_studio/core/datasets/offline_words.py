"""Words and values that rows made by rule are filled with: names, places, things, dates.

About every fifth word is held out: rows for training never hold it, held-out rows hold
no other of its kind. Every draw comes from the `random.Random` it is given. Older rows use
`offline_values`, whose draws stay as they are. Knows nothing of templates.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from random import Random
from typing import NamedTuple

Json = str | int | float | bool | None


class Filled(NamedTuple):
    """A drawn value: as text shows it, as JSON holds it, and "he" or "she" for people."""

    shown: str
    value: Json
    gender: str = ""


Kind = Callable[[Random, bool], Filled]  # (source of chance, held out) -> value


def words(text: str) -> tuple[str, ...]:
    """A list from text: split at blanks, or at commas where there are any."""
    parts = text.split(",") if "," in text else text.split()
    return tuple(" ".join(part.split()) for part in parts)


def is_held_out(word: str) -> bool:
    """Whether a word is of the held-out fifth: by its letters, so that all lists agree.

    The number is one of many tried: with it no list has too few held-out words.
    """
    return zlib.crc32(f"14217{word.lower()}".encode()) % 5 == 0


@lru_cache(maxsize=256)
def side(some: tuple[str, ...], held_out: bool) -> tuple[str, ...]:
    """The held-out words of a list, or the others."""
    return tuple(word for word in some if is_held_out(word) == held_out)


def pick(some: tuple[str, ...], chance: Random, held_out: bool) -> str:
    """One word of the side asked for."""
    return chance.choice(side(some, held_out))


MEN = words(
    "Ben David Hugo Jonas Nils Frank Paul Simon Victor Yusuf Amir Diego Felix Ivan Kofi Marco "
    "Oscar Rahul Tomas Walter Bruno Dmitri Farid Henry Jack Noah Quentin Samir Theo José Łukasz "
    "Søren Jürgen André Björn Mateo Kenji Hiroshi Chen Omar Karim Liam Ethan Oliver George Arthur "
    "Edward Peter Martin Stefan Pavel Viktor Anders Lars Erik Gustav Tariq Malik Sanjay Arjun Raj "
    "Emeka Kwame Tunde Carlos Miguel Pedro Rafael Luca Matteo Giorgio Adam Jakub Marek Daniel "
    "Samuel Isaac Jacob Leon Max Moritz Tim Colin Derek Graham Keith Nigel Roger Stuart"
)
WOMEN = words(
    "Anna Carla Elena Grace Irene Karin Maria Olga Rosa Tara Wanda Bianca Chloe Emma Hana Julia "
    "Lina Nadia Petra Sofia Uma Vera Zoë Aisha Clara Esther Gloria Ines Kim Laura Mona Priya Ruth "
    "Renée Chloé Åsa Birgit Heidi Ingrid Sigrid Freya Astrid Yuki Mei Sakura Fatima Leila Amina "
    "Zainab Ngozi Adaeze Ama Lucía Carmen Isabel Paula Camila Valentina Giulia Chiara Martina Eva "
    "Zofia Agnieszka Katarzyna Hannah Leah Miriam Naomi Alice Edith Harriet Joyce Doris Helen "
    "Margaret Susan Janet Brenda Lily Violet Hazel Rose"
)
LAST = words(
    "Adler Baker Costa Dietrich Evans Fischer Garcia Hansen Ito Jensen Keller Lopez Moreau Novak "
    "Olsen Patel Quinn Rossi Schmidt Tanaka Ueda Varga Weber Young Ziegler Ahmed Berg Clark Duarte "
    "Engel Ferrari Gupta Hoffman Ivanov Johnson Kumar Larsen Meyer Nguyen Okafor Petrov Ramos "
    "Silva Torres Urban Vogel Walsh Yilmaz Zhang Abbott Brandt Castro Dunn Eriksen Flores Müller "
    "Nuñez Šimek Dvořák Østergaard Gómez Kováč Lindström Håkansson Fernández O'Brien D'Angelo "
    "Wright Turner Cooper Parker Morris Bennett Hughes Foster Simmons Marsh Doyle Reid Sutton "
    "Osei Mensah Adeyemi Balogun Diallo Traoré Haddad Mansour Rahman Chowdhury Iyer Reddy Sharma "
    "Sato Suzuki Yamamoto Kimura Park Choi Wang Li Huang Lin Kowalski Nowak Wiśniewski Bianchi "
    "Romano Conti Marino Greco Fontana Lefebvre Girard Bonnet Dubois Lambert Peeters Janssen "
    "Bakker Visser Smit Nilsson Lund Dahl Holm Virtanen Korhonen Papadopoulos Stavros Horvat"
)
CITY = words(
    "Berlin,Paris,Madrid,Rome,Vienna,Oslo,Dublin,Lisbon,Prague,Warsaw,Zurich,Athens,Helsinki,"
    "Boston,Chicago,Denver,Seattle,Austin,Toronto,Montreal,Sydney,Perth,Tokyo,Osaka,Seoul,Mumbai,"
    "Delhi,Cairo,Lagos,Nairobi,Lima,Bogotá,Santiago,Munich,Hamburg,Milan,Turin,Lyon,Porto,Geneva,"
    "Bergen,Leeds,York,Bristol,Glasgow,Kraków,Gdańsk,Valencia,Seville,Naples,Dallas,Phoenix,Miami,"
    "Atlanta,Portland,Calgary,Ottawa,Kyoto,Busan,Pune,Chennai,São Paulo,Malmö,Aarhus,Ghent,Basel,"
    "Graz,Brno,Riga,Tallinn,Vilnius,Zagreb,Split,Sofia,Accra,Dakar,Tunis,Rabat,Amman,Muscat,Doha,"
    "Hanoi,Manila,Jakarta,Perugia,Nantes,Lille,Cork,Galway,Bath,Oxford,Durham,Exeter,Norwich,"
    "Salem,Boise,Tucson,Omaha,Tulsa,Reno,Fresno,Halifax,Quito,Cusco,Rosario,Wellington,Dunedin"
)
COUNTRY = words(
    "Portugal,Norway,Kenya,Peru,Japan,Canada,Brazil,Poland,Greece,Egypt,Chile,Ireland,Vietnam,"
    "Morocco,Finland,Austria,Ghana,Mexico,Iceland,Turkey,Italy,Sweden,India,Spain,Denmark,Nepal,"
    "Croatia,Estonia,Jordan,Senegal,Bolivia,Latvia,Malta,Cuba,Oman"
)
COMPANY_HEAD = words(
    "Alpine Blue Bright Cedar Coast Delta Eagle Ember Falcon Golden Green Harbor Iron Jade Kings "
    "Lake Lunar Maple Metro Nova North Oak Ocean Orion Pacific Pine Polar Prime Quick Red River "
    "Royal Silver Solar South Star Stone Summit Swift Terra Union Vista Western Willow Winter Zen "
    "Amber Arctic Birch Canyon Cobalt Copper Coral Crystal Dawn Echo Fjord Garnet Granite Heron "
    "Horizon Indigo Ivory Juniper Lantern Meadow Meridian Nimbus Opal Pioneer Quartz Raven Sierra"
)
COMPANY_TAIL = words(
    "Bakery Books Cables Catering Coffee Cycles Design Electric Foods Freight Furniture Garden "
    "Glass Hardware Labs Logistics Media Motors Optics Paper Parts Plastics Print Rail Roofing "
    "Security Software Steel Storage Supplies Systems Telecom Textiles Tools Toys Trading Travel "
    "Analytics Bank Brewing Ceramics Dairy Energy Farms Fisheries Insurance Pharma Robotics"
)
ITEM = words(
    "lamp,chair,desk,kettle,backpack,bicycle,camera,drill,fan,guitar,hammer,jacket,keyboard,"
    "ladder,mirror,monitor,notebook,oven,pillow,printer,radio,router,saw,shelf,sofa,"
    "speaker,table,tent,toaster,towel,umbrella,vase,wallet,watch,whistle,blanket,bottle,bucket,"
    "candle,clock,alarm clock,armchair,basket,bookcase,carpet,coffee machine,curtain,cushion,"
    "dictionary,envelope,flashlight,frying pan,helmet,iron,jug,lantern,mattress,microphone,"
    "office chair,paintbrush,picture frame,rucksack,sewing machine,sleeping bag,suitcase,teapot,"
    "telescope,tripod,violin,wardrobe,wheelbarrow,winter coat"
)
FOOD = words(
    "tomato soup,apple pie,brown bread,vegetable curry,lemon cake,rice pudding,fish stew,"
    "onion tart,potato salad,mushroom risotto,pumpkin soup,chicken broth,cheese omelette,"
    "lentil soup,carrot cake,plum jam,bean chili,walnut bread,spinach lasagne,cherry tart,"
    "roast beef,ginger biscuits,noodle salad,blueberry muffins,leek quiche,honey yoghurt,"
    "garlic bread,salmon pasta,goulash,paella,peach cobbler,rye bread,barley porridge,"
    "fig chutney,almond cake"
)
ANIMAL = words(
    "horse goat donkey sheep cow duck rabbit parrot tortoise fox otter badger heron owl hedgehog "
    "squirrel swan raven pony lizard cat dog goose pigeon turkey llama seal beaver falcon hamster"
)
COLOR = words(
    "red blue green black white yellow brown grey orange purple pink silver turquoise beige navy"
)
JOB = words(
    "engineer,teacher,nurse,baker,driver,lawyer,painter,plumber,chemist,editor,farmer,pilot,"
    "designer,cook,dentist,gardener,librarian,mechanic,musician,photographer,translator,welder,"
    "accountant,architect,biologist,carpenter,electrician,firefighter,geologist,hairdresser,"
    "interpreter,journalist,optician,pharmacist,potter,secretary,surgeon,tailor,waiter,vet"
)
SUBJECT = words(
    "history,biology,chemistry,geography,physics,music,mathematics,economics,philosophy,art,"
    "astronomy,geology,statistics,law,medicine,architecture,linguistics,botany,nursing"
)
LANGUAGE = words(
    "Spanish Italian French Portuguese Greek Polish Swedish Turkish Japanese Arabic Dutch Czech "
    "Danish Korean Welsh Finnish Hindi Norwegian Swahili Irish"
)
SPORT = words(
    "tennis,football,hockey,badminton,rowing,chess,handball,volleyball,fencing,table tennis,"
    "basketball,cricket,rugby,water polo,archery"
)
INSTRUMENT = words(
    "piano violin cello flute trumpet guitar clarinet accordion harp oboe drums saxophone "
    "trombone banjo viola"
)
PLANT = words(
    "apple tree,rose bush,oak,lavender hedge,cherry tree,vine,sunflower,olive tree,maple,fig tree,"
    "birch,pear tree,willow,tulip bed,walnut tree"
)
VEHICLE = words(
    "van,truck,tractor,bus,motorbike,minibus,taxi,lorry,camper,scooter,cargo bike,delivery van,"
    "jeep,sports car,electric car,pickup,horsebox"
)
PET = words("dog,cat,parrot,rabbit,tortoise,hamster,lizard,goose,pony,guinea pig,ferret,canary")
LIVESTOCK = words("horse,goat,donkey,sheep,cow,duck,turkey,llama,pony,goose,pig,hen,alpaca")
DEVICE = words(
    "camera,printer,radio,router,toaster,lamp,coffee machine,alarm clock,speaker,monitor,kettle,"
    "fan,oven,tablet,scanner,projector,laptop"
)
GEAR = words(
    "flashlight,camera,notebook,umbrella,map,whistle,water bottle,pocket knife,blanket,lighter,"
    "compass,towel,first-aid kit,spare jacket,rope,telescope"
)
SOLID = words("wood,steel,stone,brick,iron,concrete,timber,granite")
BUILDING = words(
    "library,town hall,museum,school,railway station,theatre,hospital,church,market hall,"
    "lighthouse,post office,swimming pool,fire station,water tower,concert hall,mill,castle,"
    "stadium,courthouse,observatory"
)
ROOM = words(
    "kitchen,garage,attic,cellar,hall,living room,bathroom,workshop,office,garden shed,bedroom,"
    "dining room,laundry room,study,conservatory"
)
MATERIAL = words("wood steel glass paper cotton wool clay leather stone plastic brass linen silk")
TITLE_HEAD = words(
    "Silent Hidden Broken Distant Golden Empty Frozen Burning Quiet Lost Last Bright Secret Long "
    "Open Paper Winter Summer Crooked Wild Crimson Gentle Hollow Midnight Northern Painted Salt "
    "Seventh Tall Velvet"
)
TITLE_TAIL = words(
    "River Garden House Road Mirror Harbor Letter Mountain Night Forest Island Window Bridge "
    "Season Storm Valley Orchard Lantern Shore Kingdom Clock Compass Meadow Promise Sparrow "
    "Staircase Suitcase Tide Voyage Winter"
)
STREET = words(
    "Mill,Station,Church,Park,High,Garden,Bridge,School,Castle,Market,Spring,River,Chapel,Orchard,"
    "Victoria,Meadow,Harbour,Linden,Abbey,Quarry"
)
MONTHS = words(
    "January February March April May June July August September October November December"
)
WEEKDAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_ONSETS = words("b br c ch d dr f fl g gr h j k kl l m n p pr r s sh st t tr v w y z")
_VOWELS = words("a e i o u ai ea ou ie")
_CODAS = words("n r l s t m nd rt ck x th ng ss lla ria ton ville")
_HELD_OUT_CODAS = words("sk mp vik dorf by")
INVENTED_SHARE = 0.2  # names no list holds: copying must be learned, not remembered


def invented(chance: Random, held_out: bool) -> str:
    """A pronounceable name; held-out ones end as no other does."""
    middle = "".join(chance.choice(_ONSETS) + chance.choice(_VOWELS) for _ in range(2))
    return (middle + chance.choice(_HELD_OUT_CODAS if held_out else _CODAS)).capitalize()


def _person(chance: Random, held_out: bool) -> Filled:
    gender = "he" if chance.random() < 0.5 else "she"
    first = pick(MEN if gender == "he" else WOMEN, chance, held_out)
    new = chance.random() < INVENTED_SHARE
    last = invented(chance, held_out) if new else pick(LAST, chance, held_out)
    return Filled(f"{first} {last}", f"{first} {last}", gender)


def _first_name(chance: Random, held_out: bool) -> Filled:
    gender = "he" if chance.random() < 0.5 else "she"
    first = pick(MEN if gender == "he" else WOMEN, chance, held_out)
    return Filled(first, first, gender)


def _city(chance: Random, held_out: bool) -> Filled:
    new = chance.random() < INVENTED_SHARE
    return _text(invented(chance, held_out) if new else pick(CITY, chance, held_out))


def _company(chance: Random, held_out: bool) -> Filled:
    head, tail = pick(COMPANY_HEAD, chance, held_out), pick(COMPANY_TAIL, chance, held_out)
    if chance.random() < INVENTED_SHARE:
        head = invented(chance, held_out)
    return _text(f"{head} {tail}")


def _title(chance: Random, held_out: bool) -> Filled:
    head, tail = pick(TITLE_HEAD, chance, held_out), pick(TITLE_TAIL, chance, held_out)
    return _text(f"The {head} {tail}")


def _street(chance: Random, held_out: bool) -> Filled:
    kind = chance.choice(("Street", "Road", "Lane", "Avenue"))
    return _text(f"{chance.randint(1, 199)} {pick(STREET, chance, held_out)} {kind}")


def _date(chance: Random, _held_out: bool) -> Filled:
    return _text(f"{chance.randint(1, 28)} {chance.choice(MONTHS)} {chance.randint(1990, 2027)}")


def _day_of_month(chance: Random, _held_out: bool) -> Filled:
    return _text(f"{chance.randint(2, 28)} {chance.choice(MONTHS)}")


def _clock(chance: Random, _held_out: bool) -> Filled:
    minute = chance.choice((0, 15, 30, 45, 5, 10, 20, 40, 50))
    return _text(f"{chance.randint(7, 21)}:{minute:02d}")


def _email(chance: Random, held_out: bool) -> Filled:
    first = pick(MEN if chance.random() < 0.5 else WOMEN, chance, held_out)
    head = pick(COMPANY_HEAD, chance, held_out).lower()
    plain = first.lower().encode("ascii", "ignore").decode()
    return _text(f"{plain}{chance.randint(1, 99)}@{head}.example")


def _phone(chance: Random, _held_out: bool) -> Filled:
    return _text(
        f"+{chance.randint(1, 98)} {chance.randint(100, 999)} {chance.randint(1000, 9999)}"
    )


def _code(chance: Random, _held_out: bool) -> Filled:
    letters = "".join(chance.choice("ABCDEFGHKLMNPRSTUVWX") for _ in range(2))
    return _text(f"{letters}-{chance.randint(100, 9999)}")


def _truth(chance: Random, _held_out: bool) -> Filled:
    yes = chance.random() < 0.5
    return Filled("yes" if yes else "no", yes)


def _price(chance: Random, _held_out: bool) -> Filled:
    amount = chance.choice((chance.randint(2, 90), chance.randint(100, 2400)))
    if chance.random() < 0.4:
        cents = amount + chance.choice((0.5, 0.25, 0.99, 0.8, 0.45))
        return Filled(f"{cents:.2f}", cents)
    return Filled(str(amount), amount)


def _text(text: str) -> Filled:
    return Filled(text, text)


def _of(some: tuple[str, ...]) -> Kind:
    return lambda chance, held_out: _text(pick(some, chance, held_out))


def _number(low: int, high: int) -> Kind:
    def draw(chance: Random, _held_out: bool) -> Filled:
        number = chance.randint(low, high)
        return Filled(str(number), number)

    return draw


KINDS: Mapping[str, Kind] = {
    "person": _person,
    "city": _city,
    "country": _of(COUNTRY),
    "company": _company,
    "title": _title,
    "street": _street,
    "date": _date,
    "dayof": _day_of_month,
    "month": lambda chance, _: _text(chance.choice(MONTHS)),
    "day": lambda chance, _: _text(chance.choice(WEEKDAYS)),
    "time": _clock,
    "year": _number(1902, 2026),
    "amount": _price,
    "small": _number(2, 12),
    "count": _number(13, 980),
    "age": _number(18, 88),
    "percent": _number(3, 97),
    "truth": _truth,
    "code": _code,
    "email": _email,
    "phone": _phone,
    "item": _of(ITEM),
    "food": _of(FOOD),
    "animal": _of(ANIMAL),
    "color": _of(COLOR),
    "job": _of(JOB),
    "subject": _of(SUBJECT),
    "language": _of(LANGUAGE),
    "sport": _of(SPORT),
    "instrument": _of(INSTRUMENT),
    "plant": _of(PLANT),
    "vehicle": _of(VEHICLE),
    "pet": _of(PET),
    "livestock": _of(LIVESTOCK),
    "device": _of(DEVICE),
    "gear": _of(GEAR),
    "solid": _of(SOLID),
    "museum": lambda chance, held_out: _text(f"the {pick(STREET, chance, held_out)} Museum"),
    "name": _first_name,
    "building": _of(BUILDING),
    "room": _of(ROOM),
    "material": _of(MATERIAL),
}


def draw(kind: str, chance: Random, held_out: bool) -> Filled:
    """One value of a kind named in `KINDS`."""
    return KINDS[kind](chance, held_out)


def article(noun: str) -> str:
    """ "a" or "an" by sound, for the words of this module."""
    low = noun.lower()
    if low[0].isdigit():
        return "an" if low.startswith("8") or re.match(r"1[18]\b", low) else "a"
    if low.startswith(("uni", "use", "euro", "one", "eu")):
        return "a"
    return "an" if low[0] in "aeiou" or low.startswith(("hour", "honest")) else "a"


_PLURALS = {
    "sheep": "sheep",
    "goose": "geese",
    "shelf": "shelves",
    "bookcase": "bookcases",
    "fox": "foxes",
}


def plural(noun: str) -> str:
    """The plural of a countable noun of this module."""
    head, _, last = noun.rpartition(" ")
    if last in _PLURALS:
        many = _PLURALS[last]
    elif last.endswith(("s", "sh", "ch", "x")):
        many = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return f"{head} {many}" if head else many
