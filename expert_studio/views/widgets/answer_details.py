"""The badge of truth: exactly how one answer was made, and whether it comes again.

Knows no engine: what it is asked for goes out as signals.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from expert_studio.core.inference.conversation import Sampling
from expert_studio.core.inference.stack import EMPTY, Stack
from expert_studio.core.inference.turns import Turn
from expert_studio.runtime.answer_checks import Repetition
from expert_studio.views import theme
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.stack_chips import shown_weight

SHOWN_OF_OTHER = 200  # characters


class AnswerDetails(QFrame):
    """Signals:
    repeat_wanted(), stop_wanted(): the same again, and no longer.
    copy_wanted(): the record, to the clipboard.
    """

    repeat_wanted = Signal()
    stop_wanted = Signal()
    copy_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._running = False
        self._grid = QGridLayout()
        self._values: dict[str, QLabel] = {}
        self._repeat = QPushButton(self.tr("Run exactly this again"))
        self._copy = QPushButton(self.tr("Copy record"))
        self._told = PlainLabel()
        self._build()

    def _build(self) -> None:
        column = QGridLayout(self)
        column.setContentsMargins(13, 10, 13, 11)
        column.setVerticalSpacing(9)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid, 0, 0)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self._repeat, self._copy):
            button.setProperty("role", "small")
            button.setAccessibleName(button.text())
            row.addWidget(button)
        self._copy.setToolTip(self.tr("All of this, what was asked and the tokens, as JSON"))
        self._told.setWordWrap(True)
        row.addWidget(self._told, 1)
        column.addLayout(row, 1, 0)
        self._repeat.clicked.connect(self._on_repeat)
        self._copy.clicked.connect(self.copy_wanted)

    @property
    def told(self) -> str:
        """What came of running it again, or ""."""
        return self._told.text()

    @property
    def lines(self) -> dict[str, str]:
        """What stands beside each name."""
        return {name: label.text() for name, label in self._values.items()}

    def press_repeat(self) -> None:
        """As by hand."""
        self._repeat.click()

    def press_copy(self) -> None:
        """As by hand."""
        self._copy.click()

    def show_turn(self, turn: Turn) -> None:
        for name, told in self._facts(turn):
            self._set(name, told)
        seeded = turn.sampling is not None and turn.sampling.seed is not None
        can = seeded and bool(turn.tokens)
        self._repeat.setEnabled(can)
        self._repeat.setToolTip(
            "" if can else self.tr("Its tokens were not kept: it is older, or nothing was said.")
        )

    def show_running(self) -> None:
        self._running = True
        self._repeat.setText(self.tr("Stop"))
        self._repeat.setAccessibleName(self.tr("Stop running it again"))
        self._tell(self.tr("Running it again…"), "small")

    def show_repetition(self, found: Repetition) -> None:
        if found.whole:
            self._tell(self.tr("The same {0} tokens came again.").format(found.tokens), "good")
            return
        told = self.tr("Another answer came, from token {0} of {1} on: {2}").format(
            found.same + 1, found.tokens, found.text[:SHOWN_OF_OTHER]
        )
        self._tell(told, "warn")

    def end(self) -> None:
        """Nothing is run any more."""
        if self._running:
            self._running = False
            self._repeat.setText(self.tr("Run exactly this again"))
            self._repeat.setAccessibleName(self._repeat.text())
            if self._told.text() == self.tr("Running it again…"):
                self._tell("", "small")

    def _facts(self, turn: Turn) -> list[tuple[str, str]]:
        stacks = [span.stack for span in turn.spans] or [turn.stack or EMPTY]
        last = stacks[-1]
        timing = turn.timing
        facts = [
            (self.tr("Stack"), "\n→ ".join(map(self._stack_told, stacks))),
            (self.tr("Base"), self.tr("{0} in {1}").format(
                last.base_sha256[:16] or self.tr("not told"), last.quantization or "?"
            )),
            (self.tr("Sampling"), self._sampling_told(turn.sampling)),
        ]  # fmt: skip
        if timing is not None:
            facts.append((self.tr("Speed"), self.tr(
                "{0:.1f} tok/s, first token after {1:.0f} ms, {2} tokens"
            ).format(timing.decode_tok_s, timing.ttft_ms, timing.tokens)))  # fmt: skip
            facts.append((self.tr("Context"), self.tr(
                "{0} of {1} tokens; {2} of {3} of the prompt came from the cache"
            ).format(f"{turn.context_used:,}", f"{turn.context_limit:,}",
                     f"{timing.cached_tokens:,}", f"{timing.prompt_tokens:,}")))  # fmt: skip
        if turn.system:
            facts.append((self.tr("System prompt"), turn.system[:SHOWN_OF_OTHER]))
        return facts

    def _stack_told(self, stack: Stack) -> str:
        members = " + ".join(
            f"{m.name} {m.version} × {shown_weight(m.weight)}"
            + ("" if m.as_trained else self.tr(" (not as trained)"))
            for m in stack.members
        )
        return f"{stack.short_hash}  {members or self.tr('base alone')}"

    def _sampling_told(self, sampling: Sampling | None) -> str:
        if sampling is None:
            return self.tr("not told")
        parts = [self.tr("seed {0}").format(sampling.seed)]
        if sampling.temperature:
            parts.append(self.tr("temperature {0:g}").format(sampling.temperature))
            parts.append(f"top-k {sampling.top_k}")
            parts.append(f"top-p {sampling.top_p:g}")
            if sampling.min_p:
                parts.append(f"min-p {sampling.min_p:g}")
        else:
            parts.append(self.tr("always the likeliest token"))
        if sampling.repetition_penalty != 1.0:
            parts.append(self.tr("penalty {0:g}").format(sampling.repetition_penalty))
        parts.append(self.tr("at most {0} tokens").format(sampling.max_tokens))
        if sampling.constraint is not None:
            parts.append(sampling.constraint.name)
        return ", ".join(parts)

    def _set(self, name: str, told: str) -> None:
        if name not in self._values:
            row = self._grid.rowCount()
            label = PlainLabel(name)
            label.setProperty("role", "small")
            value = PlainLabel()
            value.setProperty("role", "facts")
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1)
            self._values[name] = value
        self._values[name].setText(told)

    def _tell(self, told: str, role: str) -> None:
        theme.restyle(self._told, role=role)
        self._told.setText(told)

    @Slot()
    def _on_repeat(self) -> None:
        if self._running:
            self.stop_wanted.emit()
        else:
            self.repeat_wanted.emit()
