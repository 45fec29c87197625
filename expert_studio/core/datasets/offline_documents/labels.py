"""The label of a document, by the rules the corpus was labelled with.

The language comes with the document; technologies come from the path, the language and
fixed words of the text, at most eight, and none for plain prose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

TYPES = (
    "api_spec", "article", "changelog", "configuration", "dataset", "dialogue", "documentation",
    "fiction", "legal", "letter_minutes", "license", "log", "query", "scientific_paper",
    "shell_build", "source_code", "test_code", "tutorial", "web_page",
)  # fmt: skip
WITHOUT_TECHNOLOGIES = (
    "fiction", "article", "dialogue", "license", "legal", "letter_minutes", "scientific_paper",
)  # fmt: skip
_PATHS = (
    (re.compile(r"\.github/workflows/|^on:.*\njobs:|runs-on:", re.DOTALL), "GitHub Actions"),
    (re.compile(r"Cargo\.toml|^\[package\]\nname", re.MULTILINE), "Cargo"),
    (re.compile(r"package\.json|\"devDependencies\""), "npm"),
    (re.compile(r"pyproject\.toml|\[build-system\]"), "Python packaging"),
    (re.compile(r"Dockerfile|^FROM \S+\n", re.MULTILINE), "Docker"),
)
_LANGUAGES: Mapping[str, str] = {
    "python": "Python",
    "rust": "Rust",
    "java": "Java",
    "typescript": "TypeScript",
    "javascript": "JavaScript",
    "go": "Go",
    "cpp": "C++",
    "c": "C",
    "html": "HTML",
    "sql": "SQL",
    "cypher": "Cypher",
    "csv": "CSV",
    "yaml": "YAML",
    "toml": "TOML",
    "shell": "Shell",
    "makefile": "Make",
    "cmake": "CMake",
    "graphql": "GraphQL",
    "proto": "Protocol Buffers",
}
_WORDS = (
    (re.compile(r"\bopenapi[\"']?:"), "OpenAPI"),
    (re.compile(r"^apiVersion:", re.MULTILINE), "Kubernetes"),
    (re.compile(r"\bpytest\b"), "pytest"),
    (re.compile(r"\bunittest\b"), "unittest"),
    (re.compile(r"org\.junit"), "JUnit"),
    (re.compile(r"\bmocha\b", re.IGNORECASE), "Mocha"),
    (re.compile(r"\btokio\b", re.IGNORECASE), "Tokio"),
    (re.compile(r"\bserde\b", re.IGNORECASE), "Serde"),
    (re.compile(r"\bflask\b", re.IGNORECASE), "Flask"),
    (re.compile(r"\bnumpy\b", re.IGNORECASE), "NumPy"),
    (re.compile(r"\bsqlalchemy\b", re.IGNORECASE), "SQLAlchemy"),
    (re.compile(r"\bimport asyncio\b"), "asyncio"),
    (re.compile(r"from ['\"]react['\"]"), "React"),
    (re.compile(r"require\(['\"]express['\"]\)|from ['\"]express['\"]"), "Express"),
    (re.compile(r"\bredis\b", re.IGNORECASE), "Redis"),
    (re.compile(r"\bpostgres(?:ql)?\b", re.IGNORECASE), "PostgreSQL"),
    (re.compile(r"\bmysql\b", re.IGNORECASE), "MySQL"),
    (re.compile(r"\bkafka\b", re.IGNORECASE), "Kafka"),
    (re.compile(r"\bnginx\b", re.IGNORECASE), "nginx"),
    (re.compile(r"\bneo4j\b", re.IGNORECASE), "Neo4j"),
)


def technologies(kind: str, language: str, path: str, text: str) -> list[str]:
    """The technologies of a document, in the corpus' order: path, language, words."""
    if kind in WITHOUT_TECHNOLOGIES:
        return []
    both = f"{path}\n{text}"
    found = [name for rule, name in _PATHS if kind == "configuration" and rule.search(both)]
    if language in _LANGUAGES:
        found.append(_LANGUAGES[language])
    found += [name for rule, name in _WORDS if rule.search(both)]
    return found[:8]
