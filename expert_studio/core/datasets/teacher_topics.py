"""What rows can be about, so that a teacher asked a thousand times says a thousand things."""

from __future__ import annotations

from random import Random

_SUBJECTS = (
    "a city library", "train timetables", "a bakery's orders", "hospital appointments",
    "bird watching", "a school canteen", "solar panels on roofs", "a chess club",
    "parcel deliveries", "a museum's collection", "ferry bookings", "community gardens",
    "a pharmacy's stock", "road works", "a choir's concerts", "mountain huts",
    "bicycle repair", "a film archive", "recycling yards", "a vineyard's harvest",
    "weather stations", "a ski school", "second-hand books", "a dog shelter",
    "language courses", "a fish market", "electric car charging", "a radio station",
    "insurance claims", "a carpenter's workshop", "flight connections", "a chemistry lab",
    "rental flats", "a football league", "server logs", "a theatre's props",
    "bank transfers", "tree surveys", "a call centre", "satellite images",
    "a coffee roastery", "court hearings", "warehouse robots", "a swimming pool",
    "music streaming", "an observatory", "payroll", "a printing shop", "coral reefs",
    "election results", "a game studio", "medical imaging", "a toy factory", "river levels",
    "podcasts", "a bus depot", "genealogy", "a clinic's waiting list", "sensor readings",
    "a charity's donations", "a hardware store", "wedding planning", "a beekeeper's notes",
    "software releases", "a translation bureau", "a lighthouse", "cargo ships",
)  # fmt: skip
_ANGLES = (
    "with dates and times", "with amounts of money", "with names of several people",
    "with something missing", "with units to mind", "with a list inside a list",
    "with an exception to the rule", "with a yes-or-no part", "with a word that has two meanings",
    "as a beginner would put it", "as an expert would put it", "in few words",
    "with a mistake somebody made", "with non-English names", "with a comparison",
    "with an order to keep", "with an empty case", "with large numbers",
)  # fmt: skip


def draw_topics(chance: Random, count: int) -> tuple[str, ...]:
    """So many topics, no subject twice as long as there are enough of them."""
    subjects: list[str] = []
    while len(subjects) < count:
        subjects += chance.sample(_SUBJECTS, min(len(_SUBJECTS), count - len(subjects)))
    return tuple(f"{subject}, {chance.choice(_ANGLES)}" for subject in subjects)
