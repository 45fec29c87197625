"""All an expert says of itself, and what can be done with it. Knows nothing of the library.

Shows one installed expert, or one that others need and that is not installed. Its
versions and hashed files come a moment later, once they were read.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.trust import Standing
from expert_studio.views import icons, theme
from expert_studio.views.theme import restyle, tokens_of
from expert_studio.views.theme_tokens import SIDE_PANEL_WIDTH
from expert_studio.views.widgets import expert_facts, signature_words
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.fact_rows import FactRows
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.library_contents import ExpertFiles
from expert_studio.views.widgets.missing_expert import MissingExpert
from expert_studio.views.widgets.plain_words import PlainLabel, plain_tip
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note
from expert_studio.views.widgets.tier_dot import TierDot
from expert_studio.views.widgets.uninstall_question import UninstallQuestion
from expert_studio.views.widgets.version_rows import VersionRows


class ExpertDetails(QFrame):
    """The right panel of the Library page.

    Signals:
        add_requested(str): the expert should join the stack of the chat.
        weights_requested(str): the person wants to see what its weights change.
        uninstall_requested(tuple[str, ...]): the person has read the consequences and wants
            these gone, in this order: those that need it first, the expert itself last;
            "name@version" is that version alone.
        install_requested(): the person wants to look for a missing expert's file.
        market_requested(str): the person wants to look for a missing expert in the marketplace.
        use_requested(str, str, bool): this version should be the active one; whether pinned.
        unpin_requested(str): the highest version should be active again.
        compare_requested(str, str): what differs between this version and the active one.
    """

    add_requested = Signal(str)
    weights_requested = Signal(str)
    uninstall_requested = Signal(object)
    install_requested = Signal()
    market_requested = Signal(str)
    use_requested = Signal(str, str, bool)
    unpin_requested = Signal(str)
    compare_requested = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(theme.widened(SIDE_PANEL_WIDTH))
        self._expert: InstalledExpert | None = None
        self._dependants: tuple[str, ...] = ()
        self._standing: Standing | None = None
        self._build()
        self._connect()
        self._paint_toggle()
        self.show_nothing()

    @property
    def expert_name(self) -> str:
        """The installed expert shown, or ""."""
        return self._expert.name if self._expert else ""

    @property
    def versions(self) -> VersionRows:
        return self._versions

    def show_nothing(self) -> None:
        self._expert = None
        self._head.hide()
        self._missing.hide()
        self._hint.show()

    def show_expert(
        self,
        expert: InstalledExpert,
        standing: Standing,
        dependants: Sequence[str],
        obstacle: str,
    ) -> None:
        """Shows one expert.

        Args:
            standing: what its signature is worth.
            dependants: installed experts that need it, also through others, outermost first.
            obstacle: why it cannot join the stack now, one sentence, or "".
        """
        same = self._expert is not None and self._expert == expert and self._head.isVisible()
        self._expert = expert
        self._dependants = tuple(dependants)
        manifest = expert.manifest
        self._show_tier(manifest.tier)
        self._name.set_text(expert.name)
        self._line.set_text(
            self.tr("{version} · {tier} · load order {order}").format(
                version=expert.version,
                tier=expert_facts.tier_name(manifest.tier),
                order=manifest.constraints.load_order,
            )
        )
        self._show_standing(standing)
        self._description.setText(manifest.description)
        self._description.setVisible(bool(manifest.description))
        self._add.setEnabled(not obstacle)
        self._obstacle.setText(obstacle)
        self._obstacle.setVisible(bool(obstacle))
        self._facts.show_facts(self._all_facts(expert, standing))
        limits = expert_facts.limits(manifest)
        self._limits.setText(self.tr("Limits: {text}").format(text=limits))
        self._limits.setVisible(bool(limits))
        self._ask_uninstall(False)
        if not same:
            self._of_files.hide()
        self._hint.hide()
        self._missing.hide()
        self._head.show()

    def show_files(self, read: ExpertFiles) -> None:
        """What was read of the expert shown; anything else is passed over."""
        expert = self._expert
        if expert is None or expert.name != read.name:
            return
        if read.standing != self._standing:
            self._show_standing(read.standing)
            self._facts.show_facts(self._all_facts(expert, read.standing))
        self._versions.show_versions(read.versions, expert, read.pinned)
        self._versions_title.setText(self.tr("Versions ({n})").format(n=len(read.versions)))
        self._files.show_facts(
            [
                Fact(file.path, f"{size_text(file.size_bytes)} · {file.sha256[:10]}…")
                for file in read.files
            ]
        )
        self._files_toggle.setText(
            self.tr("Files and hashes ({count})").format(count=len(read.files))
        )
        self._of_files.show()

    def show_missing(self, name: str, needed_by: Sequence[str]) -> None:
        """Shows an expert that is not there, and who needs it."""
        self._expert = None
        self._missing.show_missing(name, needed_by)
        self._hint.hide()
        self._head.hide()
        self._missing.show()

    def _all_facts(self, expert: InstalledExpert, standing: Standing) -> list[Fact]:
        manifest = expert.manifest
        form = f"{size_text(expert.size_bytes)} · {expert_facts.form_text(manifest)}"
        facts = [
            *expert_facts.measured(manifest),
            *expert_facts.stated(manifest),
            Fact(self.tr("Size"), form),
            Fact(self.tr("Signature"), signature_words.signed_text(standing)),
        ]
        if self._dependants:
            facts.append(Fact(self.tr("Needed by"), "\n".join(self._dependants[:6])))
        return facts

    def _build(self) -> None:
        inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(0)
        self._hint = note(self.tr("Choose an expert to see what it can do."))
        self._hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._hint)
        self._head = self._build_expert()
        self._missing = MissingExpert()
        column.addWidget(self._head)
        column.addWidget(self._missing)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolling(inside))

    def _build_expert(self) -> QWidget:
        part = QWidget()
        self._dot = TierDot("", 11)
        self._name = ElidedLabel("", Qt.TextElideMode.ElideMiddle)
        self._name.setStyleSheet("font-size: 15px; font-weight: 600")
        self._chip = PlainLabel()
        self._chip.setProperty("role", "chip")
        self._title = title = QHBoxLayout()
        title.setSpacing(8)
        title.addWidget(self._dot)
        title.addWidget(self._name, 1)
        self._line = ElidedLabel()
        self._line.setProperty("role", "secondary")
        self._description = note("")
        self._obstacle = note("")
        self._obstacle.setProperty("role", "warn")
        self._question = UninstallQuestion()
        self._facts = FactRows()
        self._limits = note("")
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(title)
        column.addSpacing(6)
        under = QHBoxLayout()
        under.setSpacing(8)
        under.addWidget(self._line, 1)
        under.addWidget(self._chip)
        column.addLayout(under)
        column.addSpacing(10)
        column.addLayout(self._build_actions())
        column.addSpacing(8)
        column.addWidget(self._obstacle)
        column.addWidget(self._question)
        column.addSpacing(6)
        column.addWidget(self._description)
        column.addSpacing(8)
        column.addWidget(self._facts)
        column.addSpacing(10)
        column.addWidget(self._limits)
        column.addSpacing(6)
        column.addWidget(self._build_of_files())
        return part

    def _build_of_files(self) -> QWidget:
        """What needs reading: versions and files."""
        self._of_files = QWidget()
        self._versions_title = PlainLabel()
        self._versions_title.setProperty("role", "heading")
        self._versions = VersionRows()
        self._files_toggle = QPushButton(self.tr("Files and hashes"))
        self._files_toggle.setProperty("role", "quiet")
        self._files_toggle.setCheckable(True)
        self._files_toggle.setStyleSheet("padding-left: 0px")
        self._files_toggle.setIconSize(QSize(14, 14))
        self._files_toggle.setAccessibleName(self.tr("Show the expert's files"))
        self._files = FactRows()
        self._files.hide()
        column = QVBoxLayout(self._of_files)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._versions_title)
        column.addWidget(self._versions)
        column.addSpacing(6)
        column.addWidget(self._files_toggle, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._files)
        return self._of_files

    def _build_actions(self) -> QHBoxLayout:
        self._add = QPushButton(self.tr("Add to stack"))
        self._add.setProperty("role", "primary")
        self._add.setAccessibleName(self.tr("Add this expert to the stack of the chat"))
        self._weights = QPushButton(self.tr("Weights…"))
        self._weights.setAccessibleName(self.tr("What its weights change, alone or beside another"))
        self._more = IconButton("more", self.tr("More with this expert"))
        self._more.setPopupMode(IconButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self._more)
        self._uninstall = menu.addAction(self.tr("Uninstall"))
        self._more.setMenu(menu)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._add)
        row.addWidget(self._weights)
        row.addWidget(self._more)
        row.addStretch(1)
        return row

    def _connect(self) -> None:
        self._add.clicked.connect(self._on_add)
        self._weights.clicked.connect(self._on_weights)
        self._uninstall.triggered.connect(self.uninstall)
        self._question.confirmed.connect(self._on_confirmed)
        self._question.kept.connect(self._on_kept)
        self._files_toggle.toggled.connect(self._on_files_toggled)
        self._missing.install_wanted.connect(self.install_requested)
        self._missing.market_wanted.connect(self.market_requested)
        self._versions.use_wanted.connect(self._on_use)
        self._versions.pin_wanted.connect(self._on_pin)
        self._versions.unpin_wanted.connect(self._on_unpin)
        self._versions.compare_wanted.connect(self._on_compare)
        self._versions.remove_wanted.connect(self._on_remove)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_files_toggle"):
            self._paint_toggle()
        if theme.was_rescaled(event):
            self.setFixedWidth(theme.widened(SIDE_PANEL_WIDTH))

    def _paint_toggle(self) -> None:
        name = "down" if self._files_toggle.isChecked() else "right"
        self._files_toggle.setIcon(icons.icon(name, tokens_of(self).muted))

    def _show_standing(self, standing: Standing) -> None:
        self._standing = standing
        self._chip.setText(signature_words.state_text(standing.state))
        restyle(self._chip, severity=signature_words.severity(standing.state))
        self._chip.setToolTip(plain_tip(standing.sentence))

    def _show_tier(self, tier: str) -> None:
        before, self._dot = self._dot, TierDot(tier, 11)
        self._title.replaceWidget(before, self._dot)
        before.hide()
        before.deleteLater()

    def _ask_uninstall(self, asked: bool) -> None:
        if asked:
            self._question.ask(self.expert_name, self._dependants)
        else:
            self._question.hide()
        self._uninstall.setEnabled(not asked)

    def menu(self) -> QMenu:
        """What can be done with the expert shown, installed or missing, as a new menu."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        buttons = (
            (self._add, self._weights) if self._expert else (self._look_for, self._look_in_market)
        )
        for button in buttons:
            action = menu.addAction(button.text())
            action.setEnabled(button.isEnabled())
            action.triggered.connect(button.click)
        if self._expert:
            menu.addAction(self._uninstall)
        return menu

    @Slot()
    def uninstall(self) -> None:
        """As by hand: asks first where others need it."""
        if self._dependants:
            self._ask_uninstall(True)
        else:
            self.uninstall_requested.emit((self.expert_name,))

    @Slot()
    def _on_add(self) -> None:
        self.add_requested.emit(self.expert_name)

    @Slot()
    def _on_weights(self) -> None:
        self.weights_requested.emit(self.expert_name)

    @Slot()
    def _on_confirmed(self) -> None:
        self._ask_uninstall(False)
        self.uninstall_requested.emit((*self._dependants, self.expert_name))

    @Slot()
    def _on_kept(self) -> None:
        self._ask_uninstall(False)
        self._more.setFocus()

    @Slot(bool)
    def _on_files_toggled(self, shown: bool) -> None:
        self._files.setVisible(shown)
        self._paint_toggle()

    @Slot(str)
    def _on_use(self, version: str) -> None:
        self.use_requested.emit(self.expert_name, version, False)

    @Slot(str)
    def _on_pin(self, version: str) -> None:
        self.use_requested.emit(self.expert_name, version, True)

    @Slot()
    def _on_unpin(self) -> None:
        self.unpin_requested.emit(self.expert_name)

    @Slot(str)
    def _on_compare(self, version: str) -> None:
        self.compare_requested.emit(self.expert_name, version)

    @Slot(str)
    def _on_remove(self, version: str) -> None:
        self.uninstall_requested.emit((f"{self.expert_name}@{version}",))
