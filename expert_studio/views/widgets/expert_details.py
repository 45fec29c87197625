"""All an expert says of itself, and what can be done with it. Knows nothing of the library.

Shows one installed expert, or one that others need and that is not installed.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views import icons
from expert_studio.views.theme import tokens_of
from expert_studio.views.theme_tokens import SIDE_PANEL_WIDTH
from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.fact_rows import FactRows
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.tier_dot import TierDot


class ExpertDetails(QFrame):
    """The right panel of the Library page.

    Signals:
        add_requested(str): the expert should join the stack of the chat.
        uninstall_requested(tuple[str, ...]): the person has read the consequences and wants
            these gone, in this order: those that need it first, the expert itself last.
        install_requested(): the person wants to look for a missing expert's file.
    """

    add_requested = Signal(str)
    uninstall_requested = Signal(object)
    install_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(SIDE_PANEL_WIDTH)
        self._expert: InstalledExpert | None = None
        self._dependants: tuple[str, ...] = ()
        self._build()
        self._connect()
        self._paint_toggle()
        self.show_nothing()

    @property
    def expert_name(self) -> str:
        """The installed expert shown, or ""."""
        return self._expert.name if self._expert else ""

    def show_nothing(self) -> None:
        self._expert = None
        self._head.hide()
        self._missing.hide()
        self._hint.show()

    def show_expert(
        self,
        expert: InstalledExpert,
        files: Sequence[tuple[str, int]],
        dependants: Sequence[str],
        obstacle: str,
    ) -> None:
        """Shows one expert.

        Args:
            files: (path inside the expert's folder, bytes).
            dependants: installed experts that need it, also through others, outermost first.
            obstacle: why it cannot join the stack now, one sentence, or "".
        """
        self._expert = expert
        self._dependants = tuple(dependants)
        manifest = expert.manifest
        self._show_tier(manifest.tier)
        self._name.set_text(expert.name)
        self._line.set_text(
            self.tr("{version} · {tier} · load order {order} · unsigned").format(
                version=expert.version,
                tier=expert_facts.tier_name(manifest.tier),
                order=manifest.constraints.load_order,
            )
        )
        self._description.setText(manifest.description)
        self._description.setVisible(bool(manifest.description))
        self._add.setEnabled(not obstacle)
        self._obstacle.setText(obstacle)
        self._obstacle.setVisible(bool(obstacle))
        own = Fact(
            self.tr("Size"),
            f"{size_text(expert.size_bytes)} · {expert_facts.form_text(manifest)}",
        )
        needed_by = Fact(self.tr("Needed by"), ", ".join(dependants))
        facts = [*expert_facts.measured(manifest), *expert_facts.stated(manifest), own]
        self._facts.show_facts([*facts, needed_by] if dependants else facts)
        limits = expert_facts.limits(manifest)
        self._limits.setText(self.tr("Limits: {text}").format(text=limits))
        self._limits.setVisible(bool(limits))
        self._files.show_facts([Fact(name, size_text(size)) for name, size in files])
        self._files_toggle.setText(self.tr("Files ({count})").format(count=len(files)))
        self._ask_uninstall(False)
        self._hint.hide()
        self._missing.hide()
        self._head.show()

    def show_missing(self, name: str, needed_by: Sequence[str]) -> None:
        """Shows an expert that is not there, and who needs it."""
        self._expert = None
        self._missing_name.setText(name)
        self._missing_text.setText(
            self.tr("Not installed. {names} cannot join a stack without it.").format(
                names=", ".join(needed_by)
            )
        )
        self._hint.hide()
        self._head.hide()
        self._missing.show()

    def _build(self) -> None:
        inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(0)
        self._hint = self._paragraph(self.tr("Choose an expert to see what it can do."))
        self._hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._hint)
        self._head = self._build_expert()
        self._missing = self._build_missing()
        column.addWidget(self._head)
        column.addWidget(self._missing)
        column.addStretch(1)
        scroll = scrolling(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _build_expert(self) -> QWidget:
        part = QWidget()
        self._dot = TierDot("", 11)
        self._name = ElidedLabel("", Qt.TextElideMode.ElideMiddle)
        self._name.setStyleSheet("font-size: 15px; font-weight: 600")
        self._title = title = QHBoxLayout()
        title.setSpacing(8)
        title.addWidget(self._dot)
        title.addWidget(self._name, 1)
        self._line = ElidedLabel()
        self._line.setProperty("role", "secondary")
        self._description = self._paragraph("")
        self._obstacle = self._paragraph("")
        self._obstacle.setProperty("role", "warn")
        self._facts = FactRows()
        self._limits = self._paragraph("")
        self._files_toggle = QPushButton()
        self._files_toggle.setProperty("role", "quiet")
        self._files_toggle.setCheckable(True)
        self._files_toggle.setStyleSheet("padding-left: 0px")
        self._files_toggle.setIconSize(QSize(14, 14))
        self._files_toggle.setAccessibleName(self.tr("Show the expert's files"))
        self._files = FactRows()
        self._files.hide()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(title)
        column.addSpacing(6)
        column.addWidget(self._line)
        column.addSpacing(12)
        column.addLayout(self._build_actions())
        column.addSpacing(6)
        column.addWidget(self._obstacle)
        column.addWidget(self._build_question())
        column.addSpacing(6)
        column.addWidget(self._description)
        column.addSpacing(8)
        column.addWidget(self._facts)
        column.addSpacing(10)
        column.addWidget(self._limits)
        column.addSpacing(6)
        column.addWidget(self._files_toggle, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._files)
        return part

    def _build_actions(self) -> QHBoxLayout:
        self._add = QPushButton(self.tr("Add to stack"))
        self._add.setProperty("role", "primary")
        self._add.setAccessibleName(self.tr("Add this expert to the stack of the chat"))
        self._uninstall = QPushButton(self.tr("Uninstall"))
        self._uninstall.setAccessibleName(self.tr("Uninstall this expert"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._add)
        row.addWidget(self._uninstall)
        row.addStretch(1)
        return row

    def _build_question(self) -> QWidget:
        """What uninstalling would break, asked in place only when it breaks something."""
        self._question = QFrame()
        self._question.setProperty("role", "inset")
        self._consequence = self._paragraph("")
        self._confirm = QPushButton()
        self._confirm.setProperty("role", "danger")
        self._confirm.setAccessibleName(self.tr("Uninstall it and what needs it"))
        self._keep = QPushButton(self.tr("Keep"))
        self._keep.setAccessibleName(self.tr("Keep this expert"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._confirm)
        row.addWidget(self._keep)
        row.addStretch(1)
        column = QVBoxLayout(self._question)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(self._consequence)
        column.addLayout(row)
        holder = QWidget()
        outer = QVBoxLayout(holder)
        outer.setContentsMargins(0, 10, 0, 0)
        outer.addWidget(self._question)
        self._question_holder = holder
        return holder

    def _build_missing(self) -> QWidget:
        part = QWidget()
        self._missing_name = QLabel()
        self._missing_name.setStyleSheet("font-size: 15px; font-weight: 600")
        self._missing_name.setTextFormat(Qt.TextFormat.PlainText)
        self._missing_text = self._paragraph("")
        self._look_for = QPushButton(self.tr("Install…"))
        self._look_for.setProperty("role", "primary")
        self._look_for.setAccessibleName(self.tr("Install the missing expert from a file"))
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._missing_name)
        column.addWidget(self._missing_text)
        column.addWidget(self._look_for, 0, Qt.AlignmentFlag.AlignLeft)
        return part

    def _paragraph(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setProperty("role", "secondary")
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def _connect(self) -> None:
        self._add.clicked.connect(self._on_add)
        self._uninstall.clicked.connect(self._on_uninstall)
        self._confirm.clicked.connect(self._on_confirmed)
        self._keep.clicked.connect(self._on_kept)
        self._files_toggle.toggled.connect(self._on_files_toggled)
        self._look_for.clicked.connect(self.install_requested)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_files_toggle"):
            self._paint_toggle()

    def _paint_toggle(self) -> None:
        name = "down" if self._files_toggle.isChecked() else "right"
        self._files_toggle.setIcon(icons.icon(name, tokens_of(self).muted))

    def _show_tier(self, tier: str) -> None:
        before, self._dot = self._dot, TierDot(tier, 11)
        self._title.replaceWidget(before, self._dot)
        before.hide()
        before.deleteLater()

    def _ask_uninstall(self, asked: bool) -> None:
        self._question_holder.setVisible(asked)
        self._uninstall.setEnabled(not asked)

    @Slot()
    def _on_add(self) -> None:
        self.add_requested.emit(self.expert_name)

    @Slot()
    def _on_uninstall(self) -> None:
        if not self._dependants:
            self.uninstall_requested.emit((self.expert_name,))
            return
        self._consequence.setText(
            self.tr("{names} cannot work without {expert} and would be uninstalled too.").format(
                names=", ".join(self._dependants), expert=self.expert_name
            )
        )
        self._confirm.setText(self.tr("Uninstall all {n}").format(n=len(self._dependants) + 1))
        self._ask_uninstall(True)
        self._keep.setFocus()

    @Slot()
    def _on_confirmed(self) -> None:
        self._ask_uninstall(False)
        self.uninstall_requested.emit((*self._dependants, self.expert_name))

    @Slot(bool)
    def _on_files_toggled(self, shown: bool) -> None:
        self._files.setVisible(shown)
        self._paint_toggle()

    @Slot()
    def _on_kept(self) -> None:
        self._ask_uninstall(False)
        self._uninstall.setFocus()
