"""One package on its way in: what it is, who vouches for it, what it brings and changes.

Knows nothing of installing or of the other packages that come with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from expert_studio.core.experts.arrival import Arrival, Need
from expert_studio.core.experts.update_preview import UpdatePreview
from expert_studio.views.theme_tokens import CARD_PADDING
from expert_studio.views.widgets import expert_facts, signature_words
from expert_studio.views.widgets.change_words import (
    change_label,
    change_line,
    changed_files,
    file_state,
)
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.fact_rows import FactRows
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.setting_card import note
from expert_studio.views.widgets.tier_dot import TierDot


class ArrivalCard(QFrame):
    """Signals:
    taken_changed(): it shall come in, or shall not any more.
    """

    taken_changed = Signal()

    def __init__(self, arrival: Arrival, needs: Sequence[Need], alone: bool) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.arrival = arrival
        self._take = QCheckBox()
        self._take.setChecked(arrival.refusal is None and not arrival.already)
        self._take.setEnabled(arrival.refusal is None)
        self._take.setVisible(not alone)
        self._take.setAccessibleName(self.tr("Install {name}").format(name=arrival.name))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(CARD_PADDING, CARD_PADDING - 2, CARD_PADDING, CARD_PADDING)
        self._column.setSpacing(5)
        self._build_head()
        self._build_trust()
        if arrival.manifest is not None and arrival.refusal is None:
            self._build_facts()
            self._build_needs(needs)
            self._build_parts()
        self._take.toggled.connect(self._on_taken)

    @property
    def taken(self) -> bool:
        """Whether the person wants it in."""
        return self.arrival.refusal is None and self._take.isChecked()

    def take(self, wanted: bool) -> None:
        """As by hand."""
        if self._take.isEnabled():
            self._take.setChecked(wanted)

    def said(self) -> str:
        """All its text, as a screen reader meets it."""
        return "\n".join(label.accessibleName() or label.text() for label in self._labels())

    def _labels(self) -> list[QLabel]:
        return self.findChildren(QLabel)

    def _build_head(self) -> None:
        arrival, manifest = self.arrival, self.arrival.manifest
        name = ElidedLabel(arrival.name, Qt.TextElideMode.ElideMiddle)
        name.setProperty("role", "strong")
        chip = PlainLabel(signature_words.state_text(arrival.standing.state))
        chip.setProperty("role", "chip")
        chip.setProperty("severity", signature_words.severity(arrival.standing.state))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._take)
        if manifest is not None:
            row.addWidget(TierDot(manifest.tier, 9))
        row.addWidget(name)
        if manifest is not None:
            version = PlainLabel(self._version_text())
            version.setProperty("role", "small")
            row.addWidget(version)
        row.addStretch(1)
        row.addWidget(chip)
        self._column.addLayout(row)

    def _version_text(self) -> str:
        arrival = self.arrival
        assert arrival.manifest is not None
        version = arrival.manifest.version
        if arrival.preview is None or not arrival.preview.before or arrival.already:
            return version
        return f"{arrival.preview.before} → {version}"

    def _build_trust(self) -> None:
        refusal = self.arrival.refusal
        if refusal is not None:
            told = note(" ".join(p for p in (refusal.what, refusal.why, refusal.remedy) if p))
            told.setProperty("role", "bad")
        else:
            told = note(self.arrival.standing.sentence)
            if self.arrival.standing.public_key:
                told.setToolTip(self.arrival.standing.public_key)
        self._column.addWidget(told)

    def _build_facts(self) -> None:
        package, manifest = self.arrival.package, self.arrival.manifest
        assert package is not None
        assert manifest is not None
        if manifest.description:
            self._column.addWidget(note(manifest.description))
        parts = (
            expert_facts.tier_name(manifest.tier),
            expert_facts.form_text(manifest),
            size_text(package.size_bytes),
            manifest.license,
            expert_facts.main_score(manifest),
            ", ".join(base.name for base in manifest.base_models),
        )
        line = ElidedLabel(" · ".join(part for part in parts if part))
        line.setProperty("role", "small")
        self._column.addWidget(line)

    def _build_needs(self, needs: Sequence[Need]) -> None:
        for need in needs:
            wanted = expert_facts.requirement_text(need.requirement)
            said = {
                "installed": self.tr("Needs {need}: {version} is installed."),
                "comes along": self.tr("Needs {need}: {version} comes along."),
                "missing": self.tr("Needs {need}, which is not installed: it waits for that."),
                "wrong version": self.tr("Needs {need}, but {version} is installed."),
            }[need.state].format(need=wanted, version=need.version)
            told = note(said)
            if need.state in ("missing", "wrong version"):
                told.setProperty("role", "warn")
            self._column.addWidget(told)

    def _build_parts(self) -> None:
        arrival = self.arrival
        assert arrival.package is not None
        if arrival.already:
            self._column.addWidget(note(self.tr("This version is installed already.")))
        elif arrival.preview is not None and arrival.preview.before:
            self._build_changes(arrival.preview)
        files = [
            Fact(file.path, f"{size_text(file.size_bytes)} · {file.sha256[:12]}…")
            for file in arrival.package.files
            if file.kept
        ]
        self._add_part(self.tr("Files and hashes ({n})").format(n=len(files)), files, False)
        remarks = [*map(str, arrival.package.deviations), *arrival.package.warnings]
        if remarks:
            text = self.tr("Remarks on its form ({n})").format(n=len(remarks))
            self._add_part(text, [Fact(remark, "") for remark in remarks], False)

    def _build_changes(self, preview: UpdatePreview) -> None:
        for sentence in preview.breaks:
            told = note(self.tr("This would break what is installed: {why}").format(why=sentence))
            told.setProperty("role", "warn")
            self._column.addWidget(told)
        if preview.pinned:
            self._column.addWidget(
                note(
                    self.tr("You pinned {version}, which stays active.").format(
                        version=preview.before
                    )
                )
            )
        rows = [Fact(change_label(c), change_line(c)) for c in preview.changes]
        rows += [Fact(file.path, file_state(file)) for file in changed_files(preview)]
        self._add_part(self.tr("What changes ({n})").format(n=len(rows)), rows, True)

    def _add_part(self, heading: str, facts: Sequence[Fact], is_open: bool) -> None:
        toggle = QPushButton(f"▾ {heading}" if is_open else f"▸ {heading}")
        toggle.setProperty("role", "quiet")
        toggle.setStyleSheet("padding-left: 2px; text-align: left")
        toggle.setCheckable(True)
        toggle.setChecked(is_open)
        toggle.setAccessibleName(heading)
        rows = FactRows()
        rows.show_facts(facts)
        rows.setVisible(is_open)
        toggle.toggled.connect(rows.setVisible)
        toggle.toggled.connect(lambda on: toggle.setText(f"{'▾' if on else '▸'} {heading}"))
        self._column.addWidget(toggle, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(rows)

    @Slot(bool)
    def _on_taken(self, _: bool) -> None:
        self.taken_changed.emit()
