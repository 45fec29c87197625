"""What goes wrong between us and a provider, told apart by what to do next.

Knows nothing of requests. The text of a server goes into a sentence only through
`provider_keys.Redactor`.
"""

from __future__ import annotations

from typing import Literal

from expert_studio.core.errors import DatasetError

Scope = Literal["again", "row", "job"]
"""What a failure costs: a later attempt may work, these rows are lost, the job must end."""


class ProviderError(DatasetError):
    """A provider did not give a usable reply.

    Attributes:
        scope: what it costs.
        retry_after_s: how long the provider asks us to wait; None where it does not say.
        paid: whether the provider may bill the attempt nevertheless.
    """

    def __init__(
        self,
        what: str,
        why: str = "",
        remedy: str = "",
        *,
        scope: Scope = "job",
        retry_after_s: float | None = None,
        paid: bool = False,
    ) -> None:
        super().__init__(what, why, remedy)
        self.scope: Scope = scope
        self.retry_after_s = retry_after_s
        self.paid = paid


class AddressRefused(ProviderError):
    """An address that is never dialled."""
