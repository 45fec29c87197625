"""TRL's trainer with a loss that costs only what it must.

Where Triton is missing (CPU, MPS) TRL scores every position of a batch against the whole
vocabulary, prompts included; here only positions that carry a label are. Same loss. To measure
it goes through the model twice, for outputs that nobody reads; here once.
Knows nothing of run folders or of recipes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from trl.trainer.sft_trainer import SFTTrainer

from expert_studio.core.training.trainer_rows import IGNORED_LABEL


class AdapterTrainer(SFTTrainer):
    """Trains the adapter; writes no model card, which would name the run's folders."""

    def create_model_card(self, *_args: Any, **_kwargs: Any) -> None:
        return None

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Mean nats per labelled token; `num_items_in_batch` counts those of the whole step."""
        if return_outputs:  # for a measurement, which asks for no more than the loss
            loss = self.compute_loss(model, inputs, False, num_items_in_batch)
            return loss, {"loss": loss}
        if self.args.device.type == "cuda":
            parent: Any = super()
            return parent.compute_loss(model, inputs, False, num_items_in_batch)
        next_labels: Tensor = inputs["labels"][:, 1:]  # (batch, tokens - 1)
        positions = (next_labels != IGNORED_LABEL).any(dim=0).nonzero().flatten()  # (kept,)
        asked = {name: value for name, value in inputs.items() if name != "labels"}
        kept = positions + _virtual_tokens(self.model)
        logits = model(**asked, use_cache=False, logits_to_keep=kept).logits
        labels = next_labels[:, positions]  # (batch, kept); logits (batch, kept, vocab)
        total = cross_entropy(
            logits.float().flatten(0, 1),
            labels.flatten(),
            ignore_index=IGNORED_LABEL,
            reduction="sum",
        )
        count = (
            (labels != IGNORED_LABEL).sum() if num_items_in_batch is None else num_items_in_batch
        )
        # Packed rows have no mask; their padding is a few tokens.
        self._count_tokens(inputs.get("attention_mask", torch.ones_like(inputs["input_ids"])))
        loss = total / torch.as_tensor(count).clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            # They count the tokens of every process, and the mean of the gradients is taken.
            loss = loss * self.accelerator.num_processes
        return loss

    def _count_tokens(self, attention_mask: Tensor) -> None:
        mode = "train" if self.model is not None and self.model.training else "eval"
        if mode == "train":
            gathered: Tensor = self.accelerator.gather(attention_mask.sum())
            self._total_train_tokens += int(gathered.sum())
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]


def _virtual_tokens(model: Any) -> int:
    """How many positions a soft prompt puts before the first token."""
    learning = getattr(model, "active_peft_config", None)
    return int(getattr(learning, "num_virtual_tokens", 0) or 0)
