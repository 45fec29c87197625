"""TRL's DPO on token rows of our own, against a frozen copy of the adapter it started from.

TRL has taken the bare base for the reference where a trained adapter was meant (TRL PR
#6591), and copies an adapter by the names of its tensors, which misses IA3's. Here the copy
is made tensor by tensor and compared before the first step. Knows nothing of run folders.
"""

from __future__ import annotations

from typing import Any

import datasets
import torch
from peft import get_peft_model_state_dict
from trl.trainer.dpo_trainer import DPOTrainer

from expert_studio.core.errors import TrainingError

REFERENCE = "ref"  # TRL's name of the reference adapter
LEARNING = "default"


class PreferenceTrainer(DPOTrainer):
    """Learns from `prompt_ids`, `chosen_ids` and `rejected_ids`; writes no model card."""

    def create_model_card(self, *_args: Any, **_kwargs: Any) -> None:
        return None

    def _prepare_dataset(self, dataset: datasets.Dataset, *_rest: Any) -> datasets.Dataset:
        return dataset

    def freeze_reference(self) -> None:
        """Makes the reference the start, bit by bit, and never to be learned.

        Raises:
            TrainingError: it is not equal to the start; a defect, told rather than trained on.
        """
        model: Any = self.model  # a PeftModel, wrapped by nothing yet
        named = dict(model.named_parameters())
        with torch.no_grad():
            for name, parameter in named.items():
                parts = name.split(".")
                if LEARNING in parts:
                    twin = named[".".join(REFERENCE if p == LEARNING else p for p in parts)]
                    twin.copy_(parameter)
                    twin.requires_grad_(False)
        start = get_peft_model_state_dict(model, adapter_name=LEARNING)
        copy = get_peft_model_state_dict(model, adapter_name=REFERENCE)
        same = start.keys() == copy.keys() and all(torch.equal(start[n], copy[n]) for n in start)
        if not start or not same:
            raise TrainingError(
                "The training was not begun: its reference is not the adapter it starts from.",
                "This is a defect in Expert Studio.",
                "Please send us the run's worker.log.",
            )
