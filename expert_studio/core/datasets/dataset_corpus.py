"""The parts of a dataset that come from a corpus: labelled documents, and labelled pieces of text.

Documents are split by repository, so that no repository of one split occurs in another. Knows
nothing of training.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from expert_studio.core.datasets.examples import Example, parse_row
from expert_studio.core.errors import DatasetError

Split = Literal["train", "validation", "held_out"]
Share = Annotated[float, Field(ge=0, le=1)]
LEAST_PIECE = 80  # characters; less says nothing of what it was cut from
SHORT_EXCERPT, LONG_EXCERPT = 160, 700  # characters
_MARKUP = re.compile(r"\.(md|rst)(#\d+)?\Z")
_ENDING = re.compile(r"\.[a-z]{2,8}\Z")
# where people keep what they saved as text; none says what is in it
_PLAIN_FOLDERS = ("", "", "", "data/", "documents/", "downloads/", "corpus/", "files/")


class Part(BaseModel):
    """What every part has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Counts(Part):
    """Rows of each split."""

    train: Annotated[StrictInt, Field(ge=0)] = 0
    validation: Annotated[StrictInt, Field(ge=0)] = 0
    held_out: Annotated[StrictInt, Field(ge=0)] = 0


class CorpusPart(Part):
    """Labelled documents of a corpus file, split by repository.

    Attributes:
        file: path below the corpus folder, named when the run is started.
        sha256: of that file; another file is refused.
        leave_out: repositories whose rows are not used at all.
        validation, held_out: repositories that belong to these splits; all others train.
        at_most: rows of each split, drawn evenly over the types.
        excerpts: share of training rows shown as a short excerpt without a file name.
        evened: training rows a type has at least, by other excerpts of its documents, though no
            document is shown more than three times; a type that is rare is said too rarely.
        short_paths: share of training rows whose path loses its upper folders, all of them, or
            its name too: people drop a file, and no repository's folders should be learned.
        plain_names: share of English training rows without markup whose file is named NAME.txt:
            any text may be saved so, and where one type is, its ending is learned, not its text.
    """

    kind: Literal["corpus"]
    file: StrictStr
    sha256: StrictStr
    leave_out: tuple[StrictStr, ...] = ()
    validation: tuple[StrictStr, ...] = ()
    held_out: tuple[StrictStr, ...] = ()
    at_most: Counts
    excerpts: Share = 0.0
    evened: Annotated[StrictInt, Field(ge=0)] = 0
    short_paths: Share = 0.0
    plain_names: Share = 0.0


class PieceRule(Part):
    """Which pieces of a file are of one type.

    Attributes:
        file, sha256: as `CorpusPart` has them; its lines are `{"text", "source"}`.
        type, language, technologies: the label.
        sources: whose pieces are meant; () for all.
        holding, lacking: regular expressions that a piece has, and has not.
        at_most: rows of each source.
    """

    file: StrictStr
    sha256: StrictStr
    type: StrictStr
    language: StrictStr
    technologies: tuple[StrictStr, ...] = ()
    sources: tuple[StrictStr, ...] = ()
    holding: StrictStr = ""
    lacking: StrictStr = ""
    at_most: Annotated[StrictInt, Field(ge=1)]

    @field_validator("holding", "lacking")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as cause:
            raise ValueError(f"{value} cannot be read as a pattern: {cause}") from cause
        return value

    def takes(self, text: str, source: str) -> bool:
        """Whether a piece is one of these."""
        if self.sources and source not in self.sources:
            return False
        if len(text.strip()) < LEAST_PIECE or not re.search(self.holding, text, re.MULTILINE):
            return False
        return not self.lacking or not re.search(self.lacking, text, re.MULTILINE)


class PiecesPart(Part):
    """Training rows from pieces of text without a name, whose type shows in them.

    Attributes:
        leave_out: sources that are not used: those that another part keeps for its scores.
        excerpts: share of the rows cut to a short excerpt.
        rules: the first that takes a piece gives its label.
    """

    kind: Literal["pieces"]
    leave_out: tuple[StrictStr, ...] = ()
    excerpts: Share = 0.0
    rules: tuple[PieceRule, ...]

    @model_validator(mode="after")
    def _names_each_file_once(self) -> Self:
        sums: dict[str, str] = {}
        for rule in self.rules:
            if sums.setdefault(rule.file, rule.sha256) != rule.sha256:
                raise ValueError(f"{rule.file} stands in the rules with two different SHA-256")
        return self


def from_corpus(part: CorpusPart, seed: int, corpus: Path | None) -> dict[Split, list[Example]]:
    """The rows of a corpus part, by split.

    Raises:
        DatasetError: the corpus file is missing, changed, or holds a row that cannot be used.
    """
    by_split: dict[Split, list[dict[str, Any]]] = {"train": [], "validation": [], "held_out": []}
    for row in _rows(part.file, part.sha256, corpus):
        repository = str(row.get("source_repo", ""))
        if repository not in part.leave_out:
            by_split[_split_of(part, repository)].append(row)
    made: dict[Split, list[Example]] = {}
    for split, rows in by_split.items():
        chance = Random(f"corpus-{seed}-{split}")
        chosen = _evenly(rows, getattr(part.at_most, split), chance)
        if split == "train":
            more = _more_views(chosen, part.evened, chance)
            chosen = [_excerpt(row, chance, part.excerpts) for row in chosen] + more
            chosen = [_short_path(row, chance, part.short_paths) for row in chosen]
            chosen = [_plain_name(row, chance, part.plain_names) for row in chosen]
        made[split] = [parse_row({**row, "id": _identifier(row)}) for row in chosen]
    return made


def from_pieces(part: PiecesPart, seed: int, corpus: Path | None) -> list[Example]:
    """The training rows of a part of pieces.

    Raises:
        DatasetError: a corpus file is missing or changed.
    """
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    files = {rule.file: rule.sha256 for rule in part.rules}
    for file, sha256 in files.items():
        rules = [(at, rule) for at, rule in enumerate(part.rules) if rule.file == file]
        for row in _rows(file, sha256, corpus):
            text, source = str(row["text"]), str(row["source"])
            if source in part.leave_out:
                continue
            at = next((at for at, rule in rules if rule.takes(text, source)), None)
            if at is not None:
                found.setdefault((at, source), []).append({"text": text, "source_repo": source})
    chance = Random(f"pieces-{seed}")
    made = []
    for (at, _), rows in sorted(found.items()):
        rule = part.rules[at]
        known = list(rule.technologies)
        label = {"type": rule.type, "language": rule.language, "technologies": known}
        for row in chance.sample(rows, min(len(rows), rule.at_most)):
            shown = _excerpt({**row, "path": ""}, chance, part.excerpts)
            if len(shown["text"].strip()) >= LEAST_PIECE:
                made.append(parse_row({**shown, **label, "id": _identifier(row)}))
    return made


def _split_of(part: CorpusPart, repository: str) -> Split:
    if repository in part.held_out:
        return "held_out"
    return "validation" if repository in part.validation else "train"


def _by_type(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row["type"]), []).append(row)
    return found


def _evenly(rows: list[dict[str, Any]], at_most: int, chance: Random) -> list[dict[str, Any]]:
    """At most so many rows, taken round by round from each type, so that rare types stay."""
    by_type = _by_type(rows)
    for same in by_type.values():
        chance.shuffle(same)
    chosen: list[dict[str, Any]] = []
    turn = 0
    while len(chosen) < at_most and any(len(same) > turn for same in by_type.values()):
        chosen += [same[turn] for _, same in sorted(by_type.items()) if len(same) > turn]
        turn += 1
    chosen = chosen[:at_most]
    chance.shuffle(chosen)
    return chosen


def _more_views(rows: list[dict[str, Any]], least: int, chance: Random) -> list[dict[str, Any]]:
    """Excerpts, half of them under their name, of types with fewer than `least` rows."""
    made = []
    for _, same in sorted(_by_type(rows).items()):
        for row in (2 * same)[: max(0, least - len(same))]:
            shown = _excerpt(row, chance, 1.0)
            named = {**shown, "path": row["path"]} if chance.random() < 0.5 else shown
            if len(shown["text"].strip()) >= LEAST_PIECE:
                made.append(named)
    return made


def _excerpt(row: dict[str, Any], chance: Random, share: float) -> dict[str, Any]:
    """People paste a few lines without a name: some rows must look like that."""
    if chance.random() >= share:
        return row
    text: str = row["text"]
    length = chance.randint(SHORT_EXCERPT, LONG_EXCERPT)
    start = text.find("\n", chance.randint(0, max(0, len(text) - length))) + 1
    return {**row, "path": "", "text": text[start : start + length]}


def _short_path(row: dict[str, Any], chance: Random, share: float) -> dict[str, Any]:
    """The row with its last folder and name, its name, or nothing: 4, 5 and 2 of 11."""
    path = str(row.get("path", ""))
    if not share or not path or chance.random() >= share:
        return row
    parts = path.split("/")
    kept = chance.choices(("/".join(parts[-2:]), parts[-1], ""), weights=(4, 5, 2))[0]
    return {**row, "path": kept}


def _plain_name(row: dict[str, Any], chance: Random, share: float) -> dict[str, Any]:
    """The row, if it is English text, as NAME.txt in a folder that says nothing.

    A type that is told by its file's name (a licence) keeps that name; Markdown is no plain text.
    """
    path = str(row.get("path", ""))
    plain = row["language"] == "en" and not _MARKUP.search(path)
    if not share or not path or not plain or chance.random() >= share:
        return row
    name, _, part = path.rpartition("/")[2].partition("#")  # the corpus' mark of a part of a file
    if part and not part.isdigit() and not _ENDING.search(name):
        name = part
    stem = _ENDING.sub("", name) or name
    return {**row, "path": f"{chance.choice(_PLAIN_FOLDERS)}{stem}.txt"}


def _identifier(row: dict[str, Any]) -> str:
    digest = hashlib.sha256(str(row["text"]).encode()).hexdigest()[:8]
    return f"{row.get('source_repo', '')}:{row.get('path', '')}#{digest}"


def _rows(file: str, sha256: str, corpus: Path | None) -> Iterator[dict[str, Any]]:
    """The lines of a corpus file, if it is the one that is meant."""
    if corpus is None:
        raise DatasetError(
            f"The dataset needs {file} of a corpus.",
            "No corpus folder was given.",
            "Name it with --corpus FOLDER.",
        )
    path = corpus / file
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise DatasetError(
            f"The corpus file {file} cannot be read.", f"{cause.strerror or cause}."
        ) from cause
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DatasetError(
            f"The corpus file {file} is not the one the dataset was made from.",
            "Its SHA-256 differs from the recipe's.",
            "Use the corpus the recipe names.",
        )
    text = lzma.decompress(data) if path.suffix == ".xz" else data
    for line in text.splitlines():
        if line.strip():
            yield json.loads(line)
