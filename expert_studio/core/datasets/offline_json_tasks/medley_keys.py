"""Keys of texts put together anew, each with the kind of its value; held-out ones apart.

Words only; the kinds are those of `shapes.value`.
"""

from __future__ import annotations

from collections.abc import Mapping

_TRAINED = """
person name sender owner manager artist contact author editor teacher student driver pilot nurse
person doctor lawyer baker farmer painter singer actor director partner friend guest client buyer
person seller tenant member leader coach player winner judge officer agent writer reader speaker
person father mother brother sister child host guide keeper maker
company brand supplier employer publisher company shop store bank factory studio label firm team
company vendor dealer carrier client_company sponsor
city town destination birthplace city place station port village capital base site
count size weight height distance stock members length width pages copies visitors votes likes
count words lines hours minutes days miles seats_sold tickets views calls sales units parts
small level floor score doors seats rooms beds goals stars lessons rounds guests_expected steps
amount cost price tax deposit fee total rent salary budget balance debt income profit discount
code id model reference serial code order ticket invoice contract room_code flight
year born founded built opened closed released printed bought since
truth active paid open insured public private ready signed shared online valid broken empty sold
iso deadline created due start finish updated delivered
day day
time time
color color paint
item item gift product tool
host website server
email email mail
phone phone mobile
country country nation
level status
language language
job job trade
version version
degrees temperature
subject subject course
animal pet animal
food meal dish
sport sport game
title book film song
street address street
"""
_HELD_OUT = """
person captain heir witness chairman visitor
company branch_office charity
city harbour branch border
count depth altitude volume points
amount fine bonus toll refund
truth frozen verified locked
code plate permit
animal species
iso opening expiry
year discovered renovated
color fabric
host domain
plant crop
title novel
small stairs
"""


def _kinds(text: str) -> Mapping[str, str]:
    rows = [line.split() for line in text.strip().splitlines()]
    return {key: row[0] for row in rows for key in row[1:]}


KEYS: Mapping[str, str] = _kinds(_TRAINED)
HELD_OUT_KEYS: Mapping[str, str] = _kinds(_HELD_OUT)
