"""The bundled base, loaded once for all tests of inference that only read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.settings import Quantization
from tests.core.inference.random_bases import BUNDLED


@pytest.fixture(scope="session")
def bundled_engine() -> Iterator[Callable[[Quantization], Engine]]:
    """Gives the engine of the bundled base in a quantization, on the CPU."""
    loaded: dict[Quantization, Engine] = {}

    def engine(quantization: Quantization) -> Engine:
        if quantization not in loaded:
            request = BaseRequest(BUNDLED, quantization, "cpu")
            loaded[quantization] = load_engine(request, lambda _: None)
        return loaded[quantization]

    yield engine
    for each in loaded.values():
        each.close()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small products wait long for a second thread on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
