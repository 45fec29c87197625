"""Tasks over small functions, for Python and Rust alike: explain, complete, find the bug.

A function pattern is a family: what is held out of it is held out of all three tasks. Where a
corpus is given, a part of the rows are real functions. Runs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.offline_code_corpus import corpus_functions
from expert_studio.core.datasets.offline_code_patterns import (
    Function,
    Language,
    Pattern,
    draw_function,
    patterns,
)
from expert_studio.core.datasets.offline_python_bugs import Bug, Spoil, spoil
from expert_studio.core.datasets.offline_request import (
    DIFFICULTIES,
    FamilyName,
    OfflineRequest,
    RowDraw,
    row_draws,
)
from expert_studio.core.datasets.offline_rows import MadeRow, made_examples, made_pairs
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.errors import DatasetError

TASKS: tuple[str, ...] = ("explain", "complete", "bug")
MIX: Mapping[str, float] = {"explain": 1.0, "complete": 1.2, "bug": 1.2}
CORPUS_SHARE: Mapping[str, float] = {"explain": 0.3, "complete": 0.15}
CHAIN_SHARE = 0.35  # of the functions drawn, where the language has chains
INTENTS_TO_A_FUNCTION = 4  # so many intents weigh as much as one function of its own
_TITLES: Mapping[Language, str] = {"python": "Python", "rust": "Rust"}
_ORDERS = re.compile(
    r"(Add|Apply|Build|Calculate|Check|Close|Compute|Convert|Count|Create|Decode|Delete|Determine"
    r"|Encode|Extract|Find|Format|Generate|Get|Handle|Initialize|Insert|Iterate|Load|Make|Merge"
    r"|Open|Parse|Print|Read|Register|Remove|Render|Replace|Resolve|Return|Run|Search|Send|Set"
    r"|Sort|Split|Start|Stop|Test|Truncate|Update|Validate|Wrap|Write|Yield) "
)
_ASK: Mapping[str, tuple[str, ...]] = {
    "explain": (
        "What does this function do?",
        "Explain this {} function in one line.",
        "Say in one sentence what this function does.",
        "Describe this {} function.",
    ),
    "complete": (
        "Complete this {} function.",
        "Write this {} function.",
        "Fill in the body of this function.",
        "Finish this {} function.",
    ),
    "bug": (
        "Find the bug. Give its kind and the corrected line.",
        "This {} function has a bug. Name its kind, then correct the line.",
        "What kind of bug is this? Give the line as it should be.",
        "There is one bug here: say which kind, and the right line.",
    ),
}


@dataclass(frozen=True, slots=True)
class CodeDomain:
    """A language, the bugs it can have, and the version of its rows.

    `rare` kinds fit few patterns and are drawn less often.
    """

    language: Language
    version: int
    kinds: Mapping[str, Spoil]
    rare: frozenset[str]

    def families(self) -> tuple[FamilyName, ...]:
        """Each pattern once for every task that is made of it."""
        return tuple(
            FamilyName(f"{task}/{each.name}", task, each.held_out)
            for task in TASKS
            for each in patterns(self.language)
        )

    def rows(self, request: OfflineRequest) -> Iterator[Example]:
        """Yields `request.count` tasks with their answers. Raises DatasetError."""

        def make(draw: RowDraw) -> MadeRow:
            return self._from_corpus(draw, request) or self._made(draw, flawed=False)

        for example in made_examples(self._draws(request), make, self._source):
            if example.source == self._source:
                yield example
            else:  # repositories are never split, whatever is made of them
                yield replace(example, family=example.source.partition(" ")[0])

    def remade(self, draw: RowDraw) -> MadeRow:
        """The row that a draw gives where no corpus is used."""
        return self._made(draw, flawed=False)

    def pairs(self, request: OfflineRequest) -> Iterator[PreferencePair]:
        """Yields `request.count` tasks with a right and a flawed answer. Raises DatasetError."""
        draws = self._draws(request)
        return made_pairs(draws, lambda draw: self._made(draw, flawed=True), self._source)

    def _draws(self, request: OfflineRequest) -> Iterator[RowDraw]:
        unknown = [kind for kind in request.kinds if kind not in self.kinds]
        if unknown:
            raise DatasetError(
                f"There is no kind of bug {unknown[0]!r} to put into {_TITLES[self.language]}.",
                f"Known are {', '.join(self.kinds)}.",
            )
        return row_draws(request, self.language, self.version, MIX, self.families)

    @property
    def _source(self) -> str:
        return f"made by rule (expert_studio.core.datasets.offline_{self.language})"

    def _function(self, draw: RowDraw) -> tuple[Function, Bug | None]:
        """A function of the wanted difficulty; for "bug" one that can have the wanted kind."""
        if draw.task != "bug":
            return self._drawn(draw, draw.difficulty), None
        wanted = {kind: self.kinds[kind] for kind in draw.kinds or self.kinds}
        weights = [0.3 if kind in self.rare else 1.0 for kind in wanted]
        kind = draw.chance.choices(list(wanted), weights)[0]
        for turn in range(200):
            function = self._drawn(draw, draw.difficulty if turn < 20 else None)
            kinds = {kind: wanted[kind]} if turn < 150 else wanted
            bug = spoil(draw.chance, code_of(self.language, function), function.words, kinds)
            if bug is not None:
                return replace(function, difficulty=draw.difficulty), bug
        raise AssertionError(f"no {self.language} pattern can have a bug")

    def _drawn(self, draw: RowDraw, difficulty: str | None) -> Function:
        if draw.families:  # then they alone say how hard it is
            difficulty = None
        known = _known(self.language, draw.held_out_family, difficulty)
        known = tuple(each for each in known if draw.allows(f"{draw.task}/{each.name}"))
        chains = [each for each in known if each.chain is not None]
        if chains and draw.chance.random() < CHAIN_SHARE:
            pattern = draw.chance.choice(chains)
            return draw_function(draw.chance, self.language, pattern, draw.held_out_words)
        known = tuple(each for each in known if each.chain is None)
        functions = [each for each in known if each.intent is None]
        others = (len(known) - len(functions)) / INTENTS_TO_A_FUNCTION
        share = len(functions) / (len(functions) + others)
        pattern = draw.chance.choice(functions if draw.chance.random() < share else known)
        return draw_function(draw.chance, self.language, pattern, draw.held_out_words)

    def _made(self, draw: RowDraw, flawed: bool) -> MadeRow:
        function, bug = self._function(draw)
        shown, answer, check = self._task(draw, function, bug)
        return MadeRow(
            prompt=f"{self._order(draw)}\n\n{shown}",
            answer=answer,
            family=function.family,
            scorer="text" if draw.task == "explain" else self.language,
            wrong=self._flaws(draw, function, bug, answer) if flawed else (),
            check=json.dumps(check) if check else "",
        )

    def _order(self, draw: RowDraw) -> str:
        return draw.chance.choice(_ASK[draw.task]).format(_TITLES[self.language])

    def _task(
        self, draw: RowDraw, function: Function, bug: Bug | None
    ) -> tuple[str, str, dict[str, str]]:
        """What is shown, the answer, and what a scorer needs."""
        code = code_of(self.language, function)
        if draw.task == "explain":
            return code, as_statement(function.docs[0]), {}
        doc = draw.chance.choice(function.docs)
        if bug is None:
            check = {"signature": function.signature, "test": function.test}
            return stub_of(self.language, function.signature, doc), code, check
        answer = f"{bug.kind}\n{bug.line}"
        check = {"bug": bug.kind, "line": bug.line}
        return _documented(self.language, bug.code, doc), answer, check

    def _flaws(
        self, draw: RowDraw, function: Function, bug: Bug | None, answer: str
    ) -> list[tuple[str, str]]:
        if draw.task == "explain":
            return self._wrong_explanations(draw, function, answer)
        if bug is not None:
            return self._wrong_diagnoses(draw, function, bug)
        return self._wrong_code(draw, function, answer)

    def _wrong_explanations(
        self, draw: RowDraw, function: Function, answer: str
    ) -> list[tuple[str, str]]:
        other = answer
        while other == answer:
            other = as_statement(self._drawn(draw, None).docs[0])
        many = function.words.spoken_many
        return [
            ("describes another function", other),
            ("vague", f"It does something with the {many}."),
        ]

    def _wrong_diagnoses(
        self, draw: RowDraw, function: Function, bug: Bug
    ) -> list[tuple[str, str]]:
        other = draw.chance.choice([kind for kind in self.kinds if kind != bug.kind])
        right = code_of(self.language, function).splitlines()
        pairs = zip(right, bug.code.splitlines(), strict=True)
        wrong = next(spoilt for line, spoilt in pairs if spoilt != line).strip()
        flaws = [("wrong kind", f"{other}\n{bug.line}")]
        if wrong != bug.line:  # a line that only stands too deep is the same without its indent
            flaws.append(("line left as it was", f"{bug.kind}\n{wrong}"))
        return flaws

    def _wrong_code(self, draw: RowDraw, function: Function, answer: str) -> list[tuple[str, str]]:
        note = f"Sure! This function should {function.docs[0][0].lower()}{function.docs[0][1:]}"
        flaws = [
            ("other name", answer.replace(function.name, f"my_{function.name}")),
            ("chatter", f"{note}\n\n{answer}"),
            ("empty body", _empty(self.language, function.signature)),
        ]
        for kind in draw.chance.sample(list(self.kinds), 5):
            found = spoil(draw.chance, answer, function.words, {kind: self.kinds[kind]})
            if found is not None and found.code.split() != answer.split():
                flaws.append((found.kind, found.code))
        return flaws

    def _from_corpus(self, draw: RowDraw, request: OfflineRequest) -> MadeRow | None:
        """A real function, for a part of the rows where a corpus was given."""
        if request.corpus is None or draw.chance.random() >= CORPUS_SHARE.get(draw.task, 0.0):
            return None
        known = corpus_functions(request.corpus, self.language, draw.held_out_family)
        if draw.task == "complete":  # what a method rests on cannot be seen from its head
            known = tuple(each for each in known if not each.is_method)
        if not known:
            return None
        function = draw.chance.choice(known)
        shown, answer, check = function.code, _stated(function.doc), ""
        if draw.task == "complete":
            shown = stub_of(self.language, function.signature, function.doc)
            answer = function.code
            check = json.dumps({"signature": function.signature})
        return MadeRow(
            prompt=f"{self._order(draw)}\n\n{shown}",
            answer=answer,
            family=function.repository,
            scorer="text" if draw.task == "explain" else self.language,
            check=check,
            source=function.source,
            license=function.license,
        )


@lru_cache(maxsize=32)
def _known(language: Language, held_out: bool, difficulty: str | None) -> tuple[Pattern, ...]:
    """Patterns of one side and of one difficulty, or of the nearest there is."""
    known = [each for each in patterns(language) if each.held_out is held_out]
    if difficulty is None:
        return tuple(known)
    wanted = [name for name in DIFFICULTIES if name == difficulty]
    near = [each for each in known if each.difficulty in wanted]
    return tuple(near or known)


def code_of(language: Language, function: Function) -> str:
    """The whole function as text, without its sentence."""
    if language == "python":
        return f"{function.signature}\n{function.body}"
    return f"{function.signature} {{\n{function.body}\n}}"


def stub_of(language: Language, signature: str, doc: str) -> str:
    """Signature and sentence, as a person leaves them to be filled in."""
    if language == "python":
        return f'{signature}\n    """{doc}"""'
    return f"/// {doc}\n{signature} {{"


def _documented(language: Language, code: str, doc: str) -> str:
    if language == "rust":
        return f"/// {doc}\n{code}"
    head, _, body = code.partition("\n")
    return f'{head}\n    """{doc}"""\n{body}'


def _empty(language: Language, signature: str) -> str:
    if language == "python":
        return f"{signature}\n    pass"
    return f"{signature} {{\n    todo!()\n}}"


def _stated(doc: str) -> str:
    """A sentence of real documentation in the manner of our own: "Return x." is "Returns x."."""
    return as_statement(doc) if _ORDERS.match(doc) else doc


def as_statement(order: str) -> str:
    """ "Return the sum." becomes "Returns the sum."."""
    verb, space, rest = order.partition(" ")
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ies{space}{rest}"
    ending = "es" if re.search(r"(s|x|ch|sh)$", verb) else "s"
    return f"{verb}{ending}{space}{rest}"
