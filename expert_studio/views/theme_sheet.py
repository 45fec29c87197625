"""The style sheet, built from tokens. Knows nothing of which page uses which role.

A widget takes a look by a dynamic property: `widget.setProperty("role", "card")`.
Roles: page, surface, sunken, card, inset, rail, status, header, chip, bubble,
title, heading, strong, muted, faint, small, mono, sample, figure, good, warn, bad;
buttons: primary, quiet, link, nav, segment, danger.
"""

from __future__ import annotations

from string import Template

from expert_studio.views import theme_tokens as t
from expert_studio.views.theme_tokens import Tokens

_SHEET = Template(
    """
QWidget { color: $text; font-size: ${body}px; }
QMainWindow, QDialog, QWidget[role="page"] { background: $bg; }
QWidget[role="surface"] { background: $surface; }
QWidget[role="side"] { background: $surface; border: none; border-left: 1px solid $line; }
QWidget[role="column"] { background: $bg; border: none; border-right: 1px solid $line; }
QWidget[role="rail"] { background: $sunken; border: none; border-right: 1px solid $line; }
QWidget[role="status"] { background: $sunken; border: none; border-top: 1px solid $line; }
QWidget[role="header"] { background: $bg; border: none; border-bottom: 1px solid $line; }
QFrame[role="card"] { background: $surface; border: 1px solid $line;
  border-radius: ${card_radius}px; }
QFrame[role="card"][selected="true"] { border: 2px solid $accent; }
QFrame[role="inset"] { background: $sunken; border: none; border-radius: ${card_radius}px; }
QFrame[role="code"] { background: $sunken; border: 1px solid $line;
  border-radius: ${card_radius}px; }
QFrame[role="field"] { background: $surface; border: 1px solid $line;
  border-radius: ${card_radius}px; }
QFrame[role="field"][focused="true"] { border: 1px solid $accent; }
QFrame[role="field"][dropping="true"] { border: 1px dashed $accent; background: $accent_weak; }
QFrame[role="bubble"] { background: $accent_weak; border: none; border-radius: 12px;
  border-bottom-right-radius: 2px; }
QFrame[role="toast"] { background: $raised; border: 1px solid $line;
  border-radius: ${card_radius}px; }
QFrame[role="toast"][severity="bad"] { border-left: 3px solid $bad; }
QFrame[role="toast"][severity="warn"] { border-left: 3px solid $warn; }
QFrame[role="palette"] { background: $raised; border: 1px solid $line;
  border-radius: ${card_radius}px; }
QFrame[role="drop"] { background: transparent; border: 1px dashed $faint;
  border-radius: ${card_radius}px; }
QFrame[role="drop"][active="true"] { background: $accent_weak; border: 1px dashed $accent; }
QFrame[role="rule"] { background: $line; border: none; max-height: 1px; min-height: 1px; }

QLabel { background: transparent; border: none; }
QLabel:disabled { color: $faint; }
QLabel[role="title"] { font-size: ${title}px; font-weight: 600; }
QLabel[role="heading"] { font-size: ${body}px; font-weight: 600; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="brand"], QLabel[role="name"] { font-size: ${brand}px; font-weight: 600; }
QLabel[role="value"] { font-size: ${secondary}px; }
QLabel[role="figure"] { font-size: ${figure}px; font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="faint"] { color: $faint; font-size: ${small}px; }
QLabel[role="small"] { color: $muted; font-size: ${small}px; }
QLabel[role="secondary"] { color: $muted; font-size: ${secondary}px; }
QLabel[role="mono"] { font-family: $mono; font-size: ${secondary}px; color: $muted; }
QLabel[role="facts"] { font-family: $mono; font-size: ${small}px; color: $muted; }
QLabel[role="sample"] { font-family: $mono; font-size: ${small}px; color: $good; }
QLabel[role="good"] { color: $good; font-size: ${small}px; }
QLabel[role="warn"] { color: $warn; font-size: ${small}px; }
QLabel[role="bad"] { color: $bad; font-size: ${small}px; }
QLabel[role="chip"] { border: 1px solid $line; border-radius: 10px; padding: 2px 8px;
  font-size: ${small}px; color: $muted; background: $surface; }
QLabel[role="chip"][severity="good"] { color: $good; }
QLabel[role="chip"][severity="warn"] { color: $warn; }
QLabel[role="chip"][severity="bad"] { color: $bad; }
QLabel[role="chip"][severity="now"] { color: $accent; border-color: $accent;
  background: $accent_weak; }

QPushButton, QToolButton { background: $surface; border: 1px solid $line;
  border-radius: ${control_radius}px; padding: 6px 12px; font-weight: 500; }
QPushButton:hover, QToolButton:hover { border-color: $faint; }
QPushButton:pressed, QToolButton:pressed { background: $sunken; }
QPushButton:focus, QToolButton:focus { border: 1px solid $accent; outline: none; }
QPushButton:disabled, QToolButton:disabled { color: $faint; background: $bg; }
QPushButton[role="primary"] { background: $accent; border: 1px solid $accent; color: $on_accent; }
QPushButton[role="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[role="primary"]:focus { border: 1px solid $text; }
QPushButton[role="primary"]:disabled { background: $accent_weak; border-color: $accent_weak;
  color: $muted; }
QPushButton[role="card"] { border-radius: ${card_radius}px; padding: 0; }
QPushButton[compact="true"] { padding: 4px 9px; font-size: ${secondary}px; }
QPushButton[role="danger"] { color: $bad; }
QPushButton[role="small"], QToolButton[role="small"] { padding: 4px 9px;
  font-size: ${secondary}px; }
QPushButton[role="quiet"], QToolButton[role="quiet"] { background: transparent;
  border: 1px solid transparent; padding: 3px 6px; color: $muted; font-size: ${secondary}px;
  font-weight: 400; }
QPushButton[role="quiet"]:hover, QToolButton[role="quiet"]:hover { background: $sunken;
  color: $text; }
QPushButton[role="quiet"]:focus, QToolButton[role="quiet"]:focus { border: 1px solid $accent; }
QPushButton[role="foot"] { background: transparent; border: none; padding: 3px 10px 3px 0;
  color: $muted; font-size: ${secondary}px; font-weight: 400; text-align: left; }
QPushButton[role="foot"]:hover { color: $text; }
QPushButton[role="foot"]:checked { color: $accent; font-weight: 600; }
QPushButton[role="foot"]:focus { color: $accent; text-decoration: underline; }
QToolButton[role="pill"] { background: transparent; border: 1px solid $line; border-radius: 11px;
  padding: 2px 10px; color: $muted; font-size: ${small}px; font-weight: 400; }
QToolButton[role="pill"]:hover { color: $text; }
QToolButton[role="pill"]:checked { color: $accent; border-color: $accent;
  background: $accent_weak; }
QToolButton[role="pill"]:focus { border: 1px solid $accent; }
QToolButton[role="pill"]::menu-indicator, QToolButton::menu-indicator { image: none; width: 0; }
QPushButton[role="link"] { background: transparent; border: none; padding: 0; color: $accent; }
QPushButton[role="link"]:hover { text-decoration: underline; }
QPushButton[role="nav"] { background: transparent; border: 1px solid transparent;
  text-align: left; padding: 8px 10px; color: $muted; font-weight: 500; }
QPushButton[role="nav"]:hover { color: $text; }
QPushButton[role="nav"]:checked { background: $surface; border: 1px solid $line; color: $text; }
QPushButton[role="nav"]:focus { border: 1px solid $accent; }
QPushButton[role="segment"] { background: transparent; border: 1px solid transparent;
  padding: 3px 9px; color: $muted; font-size: ${secondary}px; }
QPushButton[role="segment"]:checked { background: $surface; border: 1px solid $line;
  color: $text; }
QPushButton[role="segment"]:focus { border: 1px solid $accent; }

QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox { background: $surface;
  border: 1px solid $line; border-radius: ${control_radius}px; padding: 6px 10px;
  selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {
  border: 1px solid $accent; }
QLineEdit, QPlainTextEdit { placeholder-text-color: $muted; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: $arrow; width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $raised; border: 1px solid $line;
  selection-background-color: $accent_weak; selection-color: $text; outline: none; }
QDoubleSpinBox[role="value"] { background: transparent; border: 1px solid transparent;
  border-radius: 4px; padding: 0 2px; font-family: $mono; font-size: ${secondary}px; }
QDoubleSpinBox[role="value"]::up-button, QDoubleSpinBox[role="value"]::down-button {
  subcontrol-origin: margin; width: 0; height: 0; }
QDoubleSpinBox[role="value"]:hover { border: 1px solid $line; }
QDoubleSpinBox[role="value"]:focus { border: 1px solid $accent; }
QSpinBox[role="plain"]::up-button, QSpinBox[role="plain"]::down-button,
QDoubleSpinBox[role="plain"]::up-button, QDoubleSpinBox[role="plain"]::down-button {
  subcontrol-origin: margin; width: 0; height: 0; }
QAbstractSpinBox QLineEdit { background: transparent; border: none; padding: 0; }
QPlainTextEdit, QTextEdit, QTextBrowser { background: transparent; border: none;
  selection-background-color: $accent; selection-color: $on_accent; }
QPlainTextEdit[role="mono"] { font-family: $mono; font-size: ${secondary}px;
  background: $sunken; border: 1px solid $line; border-radius: ${control_radius}px;
  padding: 6px; }

QCheckBox { spacing: 8px; background: transparent; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $faint; border-radius: 4px;
  background: $surface; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: $tick; }
QCheckBox::indicator:disabled { border-color: $line; background: $bg; }
QCheckBox::indicator:checked:disabled { border-color: $faint; background: $faint; image: $tick; }
QCheckBox:focus { outline: none; }
QCheckBox::indicator:focus { border: 2px solid $accent; }
QRadioButton { spacing: 8px; background: transparent; }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $faint; border-radius: 8px;
  background: $surface; }
QRadioButton::indicator:checked { width: 6px; height: 6px; border: 5px solid $accent;
  background: $on_accent; }
QRadioButton::indicator:focus { border-color: $accent; }

QScrollArea, QAbstractScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget[role="scroll"] { background: transparent; }
QListView, QTreeView, QTableView { background: transparent; border: none; outline: none; }
QTableView { gridline-color: $line; }
QTableView[role="list"]::item { padding: 0 10px; border: none; border-bottom: 1px solid $line; }
QTableView[role="list"]::item:selected { background: $accent_weak; color: $text; }
QHeaderView::section { background: transparent; border: none; border-bottom: 1px solid $line;
  color: $muted; font-size: ${small}px; padding: 8px 10px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle { background: $other; border-radius: 3px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line { height: 0; width: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar { background: $sunken; border: none; border-radius: 2px; max-height: 4px;
  min-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }
QProgressBar[severity="warn"]::chunk { background: $warn; }
QMenu { background: $raised; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 6px 18px; border-radius: 5px; }
QMenu::item:selected { background: $accent_weak; }
QMenu::separator { height: 1px; background: $line; margin: 4px 6px; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 4px 6px;
  font-size: ${secondary}px; }
QSplitter::handle { background: $line; }
"""
)


def sheet(tokens: Tokens, mono_family: str, icons: str) -> str:
    """The whole application's style sheet.

    `icons` is the folder with the pictures of the check mark and of the arrow, with slashes.
    """
    colours = {name: getattr(tokens, name) for name in Tokens.__slots__}
    suffix = "-dark" if tokens.dark else ""
    return _SHEET.substitute(
        colours,
        mono=f'"{mono_family}"',
        tick=f'url("{icons}/tick{suffix}.svg")',
        arrow=f'url("{icons}/arrow{suffix}.svg")',
        body=tokens.px(t.BODY_PX),
        secondary=tokens.px(t.SECONDARY_PX),
        small=tokens.px(t.SMALL_PX),
        brand=tokens.px(t.BRAND_PX),
        title=tokens.px(t.TITLE_PX),
        figure=tokens.px(t.FIGURE_PX),
        card_radius=t.CARD_RADIUS,
        control_radius=t.CONTROL_RADIUS,
    )
