"""Which model writes rows, what it is asked for and what that may cost.

A key goes from its field to the keyring, or with the one order into the worker, and is
never shown again. Knows providers by name, not how they are spoken to.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from expert_studio.core.datasets.provider_book import KNOWN, Provider, ProviderBook, load_book
from expert_studio.core.datasets.provider_keys import FoundKey, KeyStore, checked_key
from expert_studio.core.datasets.teacher_tasks import DOMAINS
from expert_studio.core.errors import ExpertError
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.dataset_form import Form, choice_box, count_box, money_box
from expert_studio.views.widgets.dataset_source_local import LocalFields
from expert_studio.views.widgets.dataset_source_price import PriceFields
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.plain_words import PlainLabel


class ModelForm(Form):
    """Signals:
    changed(): something else is asked for now.
    failed(ExpertError): a key or the list of providers cannot be used.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(
        self, folders: Folders, background: Background, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._data_folder = folders.data
        self._background = background
        self._keys = KeyStore()
        self._book = ProviderBook()
        self._providers: dict[str, Provider] = {}
        self._found: FoundKey | None = None
        self.local = LocalFields(folders, background, self)
        self._build()
        self._show_book(self._book)
        self._provider.currentIndexChanged.connect(self._on_provider)
        self._key.textChanged.connect(self._on_key_typed)
        self._key.returnPressed.connect(self._keep.click)
        self._keep.clicked.connect(self._on_keep)
        self.price.changed.connect(self.changed)
        self._cap.valueChanged.connect(self._on_cap)
        self.local.changed.connect(self.changed)
        self.local.failed.connect(self.failed)
        for field in (self._model.lineEdit(), self._address):
            if field is not None:
                field.textChanged.connect(self._on_model)

    def _build(self) -> None:
        self._provider = choice_box([], self.tr("Provider"))
        self._model = QComboBox()
        self._model.setEditable(True)
        self._model.setMinimumWidth(256)
        self._model.setAccessibleName(self.tr("Model"))
        typed = self._model.lineEdit()
        assert typed is not None
        typed.setAccessibleName(self.tr("Model"))
        self.price = PriceFields()
        self._address = QLineEdit()
        self._address.setMinimumWidth(320)
        self._address.setAccessibleName(self.tr("Address of the interface"))
        self._key = QLineEdit()
        self._key.setEchoMode(QLineEdit.EchoMode.Password)
        self._key.setPlaceholderText(self.tr("Key"))
        self._key.setAccessibleName(self.tr("Key of the provider"))
        self._key.setFixedWidth(220)
        self._keep = QPushButton(self.tr("Keep"))
        self._keep.setAccessibleName(self.tr("Keep the key in the system's keyring"))
        self._keep.setEnabled(False)
        self._key_told = PlainLabel()
        self._key_told.setProperty("role", "secondary")
        self._key_row = QWidget()
        key = QHBoxLayout(self._key_row)
        key.setContentsMargins(0, 0, 0, 0)
        key.setSpacing(8)
        key.addWidget(self._key)
        key.addWidget(self._keep)
        key.addWidget(self._key_told, 1)
        self._domain = choice_box([(one, one) for one in DOMAINS], self.tr("Domain"))
        self._format = choice_box(
            [
                (self.tr("answers to learn"), "instruction"),
                (self.tr("pairs to prefer (DPO)"), "preference_pairs"),
                (self.tr("answers with their reasoning"), "distillation"),
            ],
            self.tr("Kind of rows"),
        )
        self._count = count_box(1, 1_000_000, 200, self.tr("How many rows"))
        self._cap = money_box(1.0, self.tr("Most that may be spent, US dollars; 0 for no cap"))
        self._at_once = count_box(1, 64, 4, self.tr("Requests at once"))
        self._more = QPlainTextEdit()
        self._more.setProperty("role", "mono")
        self._more.setFixedHeight(56)
        self._more.setTabChangesFocus(True)
        self._more.setAccessibleName(self.tr("What the model should mind besides"))
        self._more.setPlaceholderText(self.tr("For instance: orders of a bicycle shop, in German"))
        self._add_rows()

    def _add_rows(self) -> None:
        self.add_row(self.tr("Provider"), self._provider)
        self._of_remote = [
            self.add_row(self.tr("Model"), self._model),
            self.add_row(self.tr("Address"), self._address),
            self.add_row(self.tr("Key"), self._key_row),
            self.add_row(self.tr("Price"), self.price),
        ]
        self._of_local = [
            self.add_row(self.tr("Base"), self.local.base),
            self.add_row(self.tr("Experts"), self.local.experts),
        ]
        self.add_row(self.tr("Domain"), self._domain)
        self.add_row(self.tr("Rows are"), self._format)
        numbers = QHBoxLayout()
        numbers.setSpacing(8)
        numbers.addWidget(self._count)
        self._priced = QWidget()
        priced = QHBoxLayout(self._priced)
        priced.setContentsMargins(0, 0, 0, 0)
        priced.setSpacing(8)
        for text, box in (
            (self.tr("at once"), self._at_once),
            (self.tr("spend at most"), self._cap),
        ):
            label = PlainLabel(text)
            label.setProperty("role", "secondary")
            priced.addSpacing(10)
            priced.addWidget(label)
            priced.addWidget(box)
            box.setFixedWidth(84)
        numbers.addWidget(self._priced)
        numbers.addStretch(1)
        self.add_row(self.tr("How many"), numbers)
        self._more.setMinimumWidth(420)
        self.add_row(self.tr("Mind besides"), self._more)

    @property
    def is_local(self) -> bool:
        """Whether a base of this machine writes the rows."""
        provider = self._chosen()
        return provider is not None and provider.dialect == "local"

    @property
    def ready(self) -> bool:
        provider = self._chosen()
        if self.is_local:
            return bool(self.local.chosen_base)
        if provider is None or not self._model.currentText().strip():
            return False
        return not self.missing and bool(self._address.text().strip())

    @property
    def missing(self) -> str:
        """What must be filled in before this can start, or ""."""
        provider = self._chosen()
        if self.is_local:
            return ""
        if not self._model.currentText().strip():
            return self.tr("Name a model the provider offers.")
        if provider is not None and provider.needs_key and self._found is None:
            return self.tr("Keep a key of the provider first.")
        if self._cap.value() > 0 and self.price.stated is None:
            return self.tr(
                "Nobody has told us what this model costs: say so, or spend at most $ 0.00, "
                "which is no cap."
            )
        return ""

    @property
    def work(self) -> str:
        return "teach"

    @property
    def title(self) -> str:
        return self.tr("Writing model")

    @property
    def name_hint(self) -> str:
        return f"{self._domain.currentData()}-{self._provider.currentData()}"

    @property
    def facts(self) -> list[Fact]:
        provider = Fact(self.tr("Provider"), self._provider.currentText())
        if self.is_local:
            experts = self.local.chosen_experts.replace(",", "\n") or self.tr("none")
            return [
                provider,
                Fact(self.tr("Base"), self.local.base.currentText()),
                Fact(self.tr("Experts"), experts),
            ]
        return [
            provider,
            Fact(self.tr("Model"), self._model.currentText()),
            Fact(
                self.tr("At once"),
                self.tr("{n} requests").format(n=self._at_once.value()),
            ),
        ]

    def order(self) -> dict[str, Any]:
        return {
            "data_folder": str(self._data_folder),
            "provider": self._provider.currentData(),
            "domain": self._domain.currentData(),
            "format": self._format.currentData(),
            "more": self._more.toPlainText().strip(),
            "count": self._count.value(),
            "seed": 1,
            **(self._local_order() if self.is_local else self._remote_order()),
        }

    def _local_order(self) -> dict[str, Any]:
        return {"model": self.local.chosen_base, "experts": self.local.chosen_experts}

    def _remote_order(self) -> dict[str, Any]:
        return {
            "address": self._address.text().strip(),
            "model": self._model.currentText().strip(),
            "cap_usd": self._cap.value(),
            "price_usd": self.price.corrected,
            "batch": 5,
            "concurrency": self._at_once.value(),
        }

    @property
    def session_key(self) -> str:
        """A key kept for this session only, to go with the order; "" where there is none."""
        found = self._found
        return found.secret.reveal() if found is not None and found.place == "session" else ""

    def set_request(self, provider: str, address: str, model: str, count: int) -> None:
        """Fills in what matters most."""
        self._provider.setCurrentIndex(self._provider.findData(provider))
        self._address.setText(address)
        self._model.setEditText(model)
        self._count.setValue(count)

    def refresh(self) -> None:
        """Reads which providers and bases there are, and asks for the key of the chosen one."""
        self.local.refresh()
        self._background.run(
            load_book,
            self._data_folder,
            on_done=self._show_book,
            on_failed=self._on_failed,
        )

    def _show_book(self, book: ProviderBook) -> None:
        chosen = self._provider.currentData()
        self._book = book
        self._providers = {one.name: one for one in book.providers}
        self._provider.blockSignals(True)
        self._provider.clear()
        for one in book.providers:
            self._provider.addItem(one.title, one.name)
        at = self._provider.findData(chosen or KNOWN[0].name)
        self._provider.setCurrentIndex(max(0, at))
        self._provider.blockSignals(False)
        if chosen is None or at < 0:
            self._on_provider()
        else:
            self._ask_for_key()

    def _chosen(self) -> Provider | None:
        return self._providers.get(str(self._provider.currentData()))

    def _ask_for_key(self) -> None:
        provider = self._chosen()
        if provider is None:
            return
        name, variable = provider.name, provider.key_variable
        self._background.run(
            lambda: (name, self._keys.find(name, variable)),
            on_done=self._on_key_found,
            on_failed=self._on_failed,
        )

    @Slot()
    def _on_provider(self, _at: int = 0) -> None:
        provider = self._chosen()
        if provider is None:
            return
        self.show_rows(self._of_remote, not self.is_local)
        self.show_rows(self._of_local, self.is_local)
        self._priced.setVisible(not self.is_local)
        self._address.setText(provider.address)
        self._model.clear()
        self._model.addItems(list(provider.models))
        self._found = None
        self._key.clear()
        self._key_told.setText("" if provider.needs_key else self.tr("needs none by itself"))
        self._ask_for_key()
        self.changed.emit()

    @Slot(object)
    def _on_key_found(self, told: tuple[str, FoundKey | None]) -> None:
        name, found = told
        provider = self._chosen()
        if provider is None or provider.name != name:
            return
        self._found = found
        places = {
            "session": self.tr("one is kept until the app is closed"),
            "environment": self.tr("one is set in {variable}").format(
                variable=provider.key_variable
            ),
            "keyring": self.tr("one is kept in the keyring"),
        }
        if found is not None:
            self._key_told.setText(places[found.place])
        elif provider.needs_key:
            self._key_told.setText(self.tr("none is kept yet"))
        self.changed.emit()

    def hold_key(self, key: str) -> None:
        """Keeps a key of the chosen provider, as typing it and pressing the button does."""
        self._key.setText(key)
        self._keep.click()

    @Slot(str)
    def _on_key_typed(self, text: str) -> None:
        self._keep.setEnabled(bool(text.strip()))

    @Slot()
    def _on_keep(self) -> None:
        provider, text = self._chosen(), self._key.text()
        self._key.clear()
        if provider is None:
            return
        try:
            key = checked_key(text)
        except ExpertError as error:
            self.failed.emit(error)
            return
        self._background.run(
            self._keys.keep, provider.name, key, on_done=self._on_kept, on_failed=self._on_failed
        )

    @Slot(object)
    def _on_kept(self, _keeping: object) -> None:
        self._ask_for_key()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)

    @Slot(str)
    def _on_model(self, _text: str) -> None:
        self._show_price()
        self.changed.emit()

    def _show_price(self) -> None:
        provider, model = self._chosen(), self._model.currentText().strip()
        address = self._address.text().strip()
        price = None
        if provider is not None:
            with suppress(ExpertError):  # an address that is still being typed
                price = self._book.price(replace(provider, address=address), model)
        self.price.show_price(price)

    @Slot(float)
    def _on_cap(self, _usd: float) -> None:
        self.changed.emit()
