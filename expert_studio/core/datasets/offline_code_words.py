"""Names and constants for code made by rule. A quarter of the nouns is held out.

Half of the names that training sees are common words or words made up, few of which come twice:
with two hundred nouns a model learns the nouns and misspells any other.

Knows nothing of a language's grammar.
"""

from __future__ import annotations

import builtins
import keyword
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from expert_studio.core.datasets.offline_plain_words import NOUNS
from expert_studio.core.datasets.offline_words import invented, plural

Kind = Literal["number", "text"]


def _listed(text: str, sign: str | None = None) -> tuple[str, ...]:
    return tuple(text.split(sign))


_NUMBERS = _listed(
    "seat seats|trip trips|day days|mile miles|page pages|unit units|limit limits|"
    "share shares|year years|month months|win wins|order orders|rate rates|round rounds|"
    "price prices|score scores|age ages|weight weights|height heights|cost costs|"
    "amount amounts|mark marks|point points|level levels|number numbers|speed speeds|"
    "distance distances|grade grades|salary salaries|width widths|depth depths|"
    "rating ratings|temperature temperatures|balance balances|delay delays|"
    "duration durations|profit profits|loss losses|reading readings|rank ranks|"
    "volume volumes|bid bids|bonus bonuses|debt debts|deposit deposits|dose doses|"
    "fare fares|fee fees|gap gaps|goal goals|income incomes|load loads|margin margins|"
    "offer offers|payment payments|pulse pulses|quota quotas|rent rents|tax taxes|"
    "toll tolls|vote votes|wage wages|voltage voltages|yield_rate yield_rates|"
    "latency latencies|altitude altitudes|angle angles|batch_size batch_sizes|"
    "deadline deadlines|dividend dividends|fine fines|frequency frequencies|"
    "humidity humidities|interval intervals|mileage mileages|offset offsets|"
    "penalty penalties|pressure pressures|radius radii|refund refunds|surcharge surcharges|"
    "threshold thresholds|area areas|sale sales|week weeks|factor factors|power powers",
    "|",
)
_TEXTS = _listed(
    "book books|card cards|song songs|note notes|friend friends|place places|school schools|"
    "store stores|room rooms|question questions|star stars|field fields|node nodes|"
    "table tables|command commands|column columns|game games|house houses|"
    "name names|word words|city cities|tag tags|title titles|color colors|"
    "country countries|file_name file_names|label labels|line lines|code codes|"
    "street streets|animal animals|fruit fruits|author authors|team teams|user users|"
    "host hosts|path paths|token tokens|url urls|email emails|genre genres|"
    "language languages|message messages|product products|river rivers|topic topics|"
    "brand brands|client clients|course courses|device devices|domain domains|"
    "planet planets|player players|street_name street_names|surname surnames|"
    "symbol symbols|village villages|alias aliases|badge badges|chapter chapters|"
    "currency currencies|dialect dialects|flavor flavors|headline headlines|"
    "ingredient ingredients|motto mottos|nickname nicknames|password passwords|"
    "phrase phrases|sticker stickers|voucher vouchers|member members|option options|"
    "window windows|movie movies|event events|party parties|market markets|station stations",
    "|",
)
_ADJECTIVES = _listed(
    "new old first last daily weekly monthly local remote known open closed public private "
    "small large raw clean valid active paid sorted_ extra main other sample total_ recent "
    "early late"
)
_PREFIXES = _listed("a b ab c co d de e f g h in l m n o p pre r s t u w x")
_HELD_OUT_PREFIXES = _listed("an be ch k ma re st v z")
_RESULTS = ("result", "found", "kept", "output", "matches", "chosen", "picked", "selected")
_HELD_OUT_RESULTS = ("collected", "gathered", "answer")
_TOTALS = ("total", "acc", "running", "outcome", "so_far")
_HELD_OUT_TOTALS = ("tally", "amount_so_far")


@dataclass(frozen=True, slots=True)
class Words:
    """The names one function uses, and its constants.

    Attributes:
        many, one: what the function is given, and one of it ("prices", "price").
        spoken_many, spoken_one: the same for a sentence.
        item: the loop's variable.
        low, high: numbers, low < high.
        prefix: a short text that words may start with.
    """

    many: str
    one: str
    item: str
    result: str
    total: str
    low: int
    high: int
    small: int
    prefix: str
    separator: str

    @property
    def spoken_many(self) -> str:
        return self.many.replace("_", " ").replace("  ", " ")

    @property
    def spoken_one(self) -> str:
        return self.one.replace("_", " ").replace("  ", " ")


def _side(words: tuple[str, ...], held_out: bool) -> tuple[str, ...]:
    border = len(words) * 3 // 4
    return words[border:] if held_out else words[:border]


ANY_NOUN_SHARE = 0.5  # of training's names
INVENTED_SHARE = 0.3  # of those
_RUST_KEYWORDS = frozenset(
    _listed(
        "abstract as async await become box break const continue crate do dyn else enum extern"
        " false final fn for if impl in let loop macro match mod move mut override priv pub ref"
        " return self static struct super trait true try type typeof unsafe unsized use virtual"
        " where while yield str bool char"
    )
)
# Names that the templates use themselves.
_LOCALS = frozenset(
    _listed(
        "found kept output chosen total item entry ash column copy group groups hall king pair"
        " peaks rest row rows sign split strip target test"
    )
)


@cache
def any_nouns() -> tuple[str, ...]:
    """Nouns as _listed_ ones are, that may name a variable in both languages."""
    held = {
        each for nouns in (_NUMBERS, _TEXTS) for noun in _side(nouns, True) for each in noun.split()
    }
    pairs = [(one, plural(one)) for one in NOUNS]
    return tuple(
        f"{one} {many}"
        for one, many in pairs
        if one != many and not {one, many} & (held | _RUST_KEYWORDS | _LOCALS)
        if not any(keyword.iskeyword(each) or hasattr(builtins, each) for each in (one, many))
    )


def _noun(chance: Random, listed: tuple[str, ...], held_out: bool) -> str:
    if held_out or chance.random() >= ANY_NOUN_SHARE:
        return chance.choice(_side(listed, held_out))
    if chance.random() >= INVENTED_SHARE:
        return chance.choice(any_nouns())
    one = invented(chance, False).lower()
    return f"{one} {plural(one)}"


def draw_words(chance: Random, kind: Kind, held_out: bool) -> Words:
    """Names and constants for a function over numbers or texts."""
    noun = _noun(chance, _NUMBERS if kind == "number" else _TEXTS, held_out)
    one, many = noun.split()
    if chance.random() < 0.45:
        adjective = chance.choice(_ADJECTIVES).rstrip("_")
        one, many = f"{adjective}_{one}", f"{adjective}_{many}"
    item = chance.choice((one, one, one, "item", "x", "entry"))
    low = chance.randint(2, 60)
    return Words(
        many=many,
        one=one,
        item=f"each_{item}" if item == many else item,
        result=chance.choice(_HELD_OUT_RESULTS if held_out else _RESULTS),
        total=chance.choice(_HELD_OUT_TOTALS if held_out else _TOTALS),
        low=low,
        high=low + chance.randint(5, 90),
        small=chance.randint(2, 9),
        prefix=chance.choice(_HELD_OUT_PREFIXES if held_out else _PREFIXES),
        separator=chance.choice((", ", "-", " ", "; ", "/", ":", "|", "+")),
    )
