"""A classified document: a file's path and text, and what kind of file it is.

The row a classifier learns from, kept as it is so that a label can be corrected; the
prompt around it is made when it is used. Knows nothing of files or training.
"""

from __future__ import annotations

from dataclasses import dataclass

from expert_studio.core.datasets.document_prompt import DocumentLabel, classification_prompt
from expert_studio.core.datasets.examples import Example, Turn


@dataclass(frozen=True, slots=True)
class ClassifiedDocument:
    """A document and its label; the other attributes as `examples.Example` has them.

    Attributes:
        path: the file's name or path; may be empty.
        content: its text.
        type, language, technologies: the label.
    """

    path: str
    content: str
    type: str
    language: str = ""
    technologies: tuple[str, ...] = ()
    identifier: str = ""
    family: str = ""
    source: str = ""
    license: str = ""
    task: str = ""
    difficulty: str = ""

    @property
    def label(self) -> DocumentLabel:
        """What it is."""
        return DocumentLabel(self.type, self.language, self.technologies)

    @property
    def example(self) -> Example:
        """The conversation a model learns from it."""
        return Example(
            turns=(
                Turn("user", classification_prompt(self.path, self.content)),
                Turn("assistant", self.label.text),
            ),
            identifier=self.identifier,
            family=self.family,
            source=self.source,
            license=self.license,
            scorer="label",
            task=self.task,
            difficulty=self.difficulty,
        )
