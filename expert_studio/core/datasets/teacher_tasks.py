"""What a teacher can be asked to make rows of: domains, their tasks, one example of each.

Knows nothing of providers or of how the request is worded (`teacher_prompts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from expert_studio.core.datasets.examples import Scorer
from expert_studio.core.errors import DatasetError

Format = Literal["instruction", "preference_pairs", "distillation"]
FORMATS: tuple[Format, ...] = ("instruction", "preference_pairs", "distillation")


@dataclass(frozen=True, slots=True)
class TeacherTask:
    """One task of a domain.

    Attributes:
        ask: what the instruction of such a row asks for.
        answer: what its answer is like.
        shown: an example: instruction, input, answer.
        wrong: how an answer to reject may be wrong.
        parses_as: the domain whose check the whole answer must pass; "" for free text.
    """

    ask: str
    answer: str
    shown: tuple[str, str, str]
    wrong: tuple[str, ...]
    scorer: Scorer
    parses_as: str = ""
    share: float = 1.0


_JSON_WRONG = ("wrong type", "missing field", "invented field", "not valid JSON", "wrong value")
_CODE_WRONG = ("off by one", "wrong edge case", "wrong variable", "ignores a condition")
_TEXT_WRONG = ("leaves an error in", "changes the meaning", "too long", "invents a fact")
_CYPHER_WRONG = ("wrong direction", "missing condition", "wrong label", "wrong aggregate")

TASKS: Mapping[str, Mapping[str, TeacherTask]] = {
    "json": {
        "extract": TeacherTask(
            "to extract named fields from a short text as JSON",
            "one JSON object with exactly those fields, null where the text does not say",
            (
                "Extract name and city as JSON.",
                "Ada moved to Lyon in May.",
                '{"name": "Ada", "city": "Lyon"}',
            ),
            _JSON_WRONG, "json", "json", 0.35,
        ),
        "repair": TeacherTask(
            "to repair broken JSON that is given as input",
            "the same data as valid JSON, nothing added",
            ("Repair this JSON.", '{"id": 4, "tags": ["a", "b"', '{"id": 4, "tags": ["a", "b"]}'),
            _JSON_WRONG, "json", "json", 0.25,
        ),
        "transform": TeacherTask(
            "to transform given JSON: rename, regroup, filter, sort, total",
            "the resulting JSON",
            (
                "Keep the items that cost more than 5.",
                '[{"n": "pen", "eur": 2}, {"n": "ink", "eur": 9}]',
                '[{"n": "ink", "eur": 9}]',
            ),
            _JSON_WRONG, "json", "json", 0.2,
        ),
        "schema": TeacherTask(
            "to write a JSON schema (draft 2020-12) for a description",
            "one JSON schema with type, properties and required",
            (
                "Write a JSON schema for an object with a number x.",
                "",
                '{"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}',
            ),
            _JSON_WRONG, "json", "json", 0.2,
        ),
    },
    "cypher": {
        "read": TeacherTask(
            "to answer a question with a Cypher query over a graph schema given as input",
            "one read query that uses only labels, relationships and properties of the schema",
            (
                "Which people live in Rome?",
                "(:Person {name})-[:LIVES_IN]->(:City {name})",
                "MATCH (p:Person)-[:LIVES_IN]->(:City {name: 'Rome'}) RETURN p.name",
            ),
            _CYPHER_WRONG, "cypher", "cypher", 0.75,
        ),
        "write": TeacherTask(
            "to change a graph whose schema is given as input, with Cypher",
            "one query with CREATE, MERGE, SET or DELETE",
            (
                "Add that Ada lives in Rome.",
                "(:Person {name})-[:LIVES_IN]->(:City {name})",
                "MATCH (p:Person {name: 'Ada'}) MERGE (p)-[:LIVES_IN]->(:City {name: 'Rome'})",
            ),
            _CYPHER_WRONG, "cypher", "cypher", 0.25,
        ),
    },
    "python": {
        "function": TeacherTask(
            "to write one Python function whose name, parameters and behaviour are stated",
            "the function alone: standard library only, no example calls",
            (
                "Write a function double(n) that returns twice n.",
                "",
                "def double(n):\n    return 2 * n",
            ),
            _CODE_WRONG, "python", "python", 0.6,
        ),
        "fix": TeacherTask(
            "to correct a Python function given as input that has one error",
            "the corrected function alone",
            (
                "Correct this function: it shall return the last item.",
                "def last(items):\n    return items[len(items)]",
                "def last(items):\n    return items[-1]",
            ),
            _CODE_WRONG, "python", "python", 0.4,
        ),
    },
    "rust": {
        "function": TeacherTask(
            "to write one Rust function whose signature and behaviour are stated",
            "the function alone: standard library only, no main",
            (
                "Write fn double(n: u32) -> u32 that returns twice n.",
                "",
                "fn double(n: u32) -> u32 {\n    n * 2\n}",
            ),
            _CODE_WRONG, "rust", "rust", 0.6,
        ),
        "fix": TeacherTask(
            "to correct a Rust function given as input that does not compile or is wrong",
            "the corrected function alone",
            (
                "Correct this function: it shall return the last item.",
                "fn last(items: &[u8]) -> u8 {\n    items[items.len()]\n}",
                "fn last(items: &[u8]) -> u8 {\n    items[items.len() - 1]\n}",
            ),
            _CODE_WRONG, "rust", "rust", 0.4,
        ),
    },
    "english": {
        "correct": TeacherTask(
            "to correct a sentence given as input that has errors of grammar or spelling",
            "the corrected sentence alone, changed no more than needed",
            ("Correct this sentence.", "She go home yesterday.", "She went home yesterday."),
            _TEXT_WRONG, "text", "", 0.4,
        ),
        "rephrase": TeacherTask(
            "to rephrase a text given as input: politer, shorter, simpler, more formal",
            "the rephrased text alone, with the same meaning",
            ("Say it politely.", "Send me the file.", "Could you please send me the file?"),
            _TEXT_WRONG, "text", "", 0.3,
        ),
        "answer": TeacherTask(
            "a question that a passage given as input answers, or does not",
            "a short answer from the passage alone, or that it does not say",
            ("Where is the key?", "The key hangs behind the door.", "Behind the door."),
            _TEXT_WRONG, "text", "", 0.3,
        ),
    },
    "classification": {
        "document": TeacherTask(
            "what kind of file a document is",
            'its label: type (such as "invoice", "source code", "configuration", "log"), '
            "language (of people or of programming) and technologies",
            ("", "", ""),
            (), "label", "", 1.0,
        ),
    },
}  # fmt: skip
DOMAINS = tuple(TASKS)


def tasks_of(domain: str, kind: Format) -> Mapping[str, TeacherTask]:
    """The tasks of a domain.

    Raises:
        DatasetError: there is no such domain or format, or the domain has no rows of it.
    """
    if domain not in TASKS:
        raise DatasetError(f"No rows can be made for {domain!r}.", f"Known are {_and(DOMAINS)}.")
    if kind not in FORMATS:
        raise DatasetError(f"There is no format {kind!r}.", f"Known are {_and(FORMATS)}.")
    if domain == "classification" and kind != "instruction":
        raise DatasetError(
            f"Classified documents cannot be made as {kind!r}.",
            "Such a row is a document and its label.",
            "Choose the format instruction.",
        )
    return TASKS[domain]


def _and(names: tuple[str, ...]) -> str:
    return ", ".join(names)
