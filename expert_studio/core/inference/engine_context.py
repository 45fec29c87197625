"""How far a stack's texts may reach, and whether a prompt fits.

Knows nothing of memory: see `engine_memory`.
"""

from __future__ import annotations

from collections.abc import Sequence

from expert_studio.core.errors import InferenceError
from expert_studio.core.inference.conversation import Message
from expert_studio.core.inference.decoder_shape import DecoderShape
from expert_studio.core.inference.rope_scaling import RopeScaling, scaling_of_manifest
from expert_studio.core.inference.stack import Stack
from expert_studio.core.inference.tokenizer import ChatTokenizer

MOST_STRETCHED = 8  # times the base's context, before anything is counted


def context_of(stack: Stack, shape: DecoderShape) -> tuple[RopeScaling | None, int]:
    """How this stack's texts are stretched, where otherwise than the base's, and their positions.

    Raises:
        InferenceError: its experts ask for different scalings.
        CompatibilityError: one asks for what cannot be computed.
    """
    asked = {member.rope_scaling for member in stack.members if member.rope_scaling}
    scalings = {scaling_of_manifest(said, shape.trained_context) for said in asked} - {None}
    if len(scalings) > 1:
        raise InferenceError(
            "These experts cannot work together.",
            "They were trained with positions stretched in different ways.",
            "Use only those with the same rope_scaling.",
        )
    scaling = next(iter(scalings), None)
    if scaling is None or scaling == shape.rope_scaling:
        return None, shape.context_length
    return scaling, scaling.context_length


def check_length(
    messages: Sequence[Message], tokenizer: ChatTokenizer, shape: DecoderShape
) -> None:
    """Refuses what no tokenizer could fit, before megabytes of it are cut into tokens.

    Raises:
        InferenceError: even if each token were the longest there is, there would be too many.
    """
    characters = sum(len(message.content) for message in messages)
    longest = tokenizer.longest_token
    most = MOST_STRETCHED * shape.context_length
    if characters > most * longest:
        raise InferenceError(
            "The prompt does not fit the base's context.",
            f"It has {characters:,} characters; the base reads {shape.context_length:,} tokens "
            "with its answer.",
            "Shorten it, or start a new conversation.",
        )


def check_prompt(ahead: int, prompt: Sequence[int], context: int) -> None:
    """ahead: positions of soft prompts.

    Raises:
        InferenceError: nothing to read, or no room for an answer.
    """
    length = ahead + len(prompt)
    if not prompt or length >= context:
        virtual = f" with {ahead} of soft prompts" if ahead else ""
        raise InferenceError(
            "The prompt does not fit the base's context.",
            f"It has {length:,} tokens{virtual}; the base reads {context:,} with its answer.",
            "Shorten it, or start a new conversation.",
        )
