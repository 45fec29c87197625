"""What an adapter_config.json may say, by our own schema; it is never handed to a library.

PEFT's file can name modules to import, tokenizer code and regular expressions (PEFT
#3085, #2888). Here only plain names and numbers are taken; whatever would change the
mathematics in a way we do not run, or could run something, is refused with a sentence.
Knows nothing of the tensors (`weights`) or of how they are applied.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeVar

from expert_studio.core.errors import ArchiveError
from expert_studio.core.experts.leniency import ADAPTER_MODULES
from expert_studio.core.experts.untrusted_json import UnreadableJsonError, read_json_object

MAX_CONFIG_BYTES = 256 * 1024
MAX_RANK = 256
MAX_ALPHA = 65536.0
MAX_SOFT_TOKENS = 512
T = TypeVar("T")
Kind = Literal["lora", "dora", "ia3", "soft_prompt"]
_PEFT_TYPES = {"LORA": "lora", "IA3": "ia3", "PROMPT_TUNING": "soft_prompt"}
_PLAIN_PATTERN = re.compile(r"\^?[A-Za-z0-9_.]{1,200}")

# Keys that say nothing about the mathematics; their values are not used for anything.
_NOT_USED = frozenset(
    {"peft_type", "peft_version", "task_type", "inference_mode", "revision"}
    | {"base_model_name_or_path", "lora_dropout", "exclude_modules", "layers_pattern"}
    | {"qalora_group_size", "megatron_core", "init_ia3_weights"}
    | {"prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_name_or_path"}
    | {"num_transformer_submodules", "num_attention_heads", "num_layers"}
)
_READ = frozenset(
    {"r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern"}
    | {"target_modules", "feedforward_modules", "num_virtual_tokens", "token_dim"}
    | {"init_lora_weights", "bias", "fan_in_fan_out", "layers_to_transform"}
)
# PiSSA, OLoRA, CorDA and LoftQ change the base model itself; the rest only start elsewhere.
_HARMLESS_INITS = (True, False, None, "gaussian", "eva", "orthogonal")
_WHY_REFUSED = {
    "auto_mapping": "It names a library to import, and nothing from a package is imported.",
    "megatron_config": "It asks for Megatron code, and nothing from a package is imported.",
    "tokenizer_kwargs": "It passes options to a tokenizer loader, which can run code.",
    "modules_to_save": "It replaces whole layers of the base, which experts may not change.",
    "trainable_token_indices": "It changes the base's embeddings, which experts may not.",
    "layer_replication": "It changes how many layers the base has.",
    "lora_bias": "It adds biases that are not supported.",
}


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """The numbers an adapter needs beside its tensors."""

    kind: Kind
    r: int | None = None  # rank; None for IA3 and soft prompts
    alpha: float | None = None
    use_rslora: bool = False  # scale is alpha / sqrt(r) instead of alpha / r
    use_dora: bool = False
    rank_pattern: dict[str, int] = field(default_factory=dict)
    alpha_pattern: dict[str, float] = field(default_factory=dict)
    target_modules: tuple[str, ...] = ()  # plain layer names such as q_proj
    feedforward_modules: tuple[str, ...] = ()  # IA3: these scale the layer's input
    soft_tokens: int | None = None  # virtual tokens of a soft prompt

    def rank_of(self, module: str) -> int:
        """Rank of one layer, named as in the model (`model.layers.0.self_attn.q_proj`)."""
        return int(_by_suffix(self.rank_pattern, module, self.r or 0))

    def scale_of(self, module: str) -> float:
        """What B·A of that layer is multiplied with: alpha / r, or alpha / sqrt(r) for rsLoRA."""
        rank = self.rank_of(module)
        alpha = float(_by_suffix(self.alpha_pattern, module, self.alpha or 0.0))
        return alpha / math.sqrt(rank) if self.use_rslora else alpha / rank


def parse_adapter_config(data: bytes) -> AdapterConfig:
    """Reads an adapter_config.json as PEFT writes it.

    Unknown keys are accepted only while they say nothing (null, false, empty).

    Raises:
        ArchiveError: it is not JSON, asks for something unsupported, or tries to run something.
    """
    try:
        said = read_json_object(data, MAX_CONFIG_BYTES)
    except UnreadableJsonError as cause:
        _refuse(str(cause))
    _check_keys(said)
    kind = _PEFT_TYPES.get(_text(said, "peft_type").upper())
    if kind == "soft_prompt":
        return AdapterConfig(kind="soft_prompt", soft_tokens=_soft_tokens(said))
    if kind == "ia3":
        return _ia3(said)
    if kind is None:
        _refuse(f"Its type {str(said['peft_type'])[:40]!r} is not LORA, IA3 or PROMPT_TUNING.")
    return _lora(said)


def write_adapter_config(config: AdapterConfig) -> bytes:
    """The config in PEFT's words, with nothing else in it; the same bytes for the same config."""
    said: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    if config.kind == "soft_prompt":
        said |= {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": config.soft_tokens}
    elif config.kind == "ia3":
        said |= {
            "peft_type": "IA3",
            "target_modules": list(config.target_modules),
            "feedforward_modules": list(config.feedforward_modules),
        }
    else:
        said |= {
            "peft_type": "LORA",
            "r": config.r,
            "lora_alpha": config.alpha,
            "use_rslora": config.use_rslora,
            "use_dora": config.use_dora,
            "rank_pattern": config.rank_pattern,
            "alpha_pattern": config.alpha_pattern,
            "target_modules": list(config.target_modules),
        }
    return (json.dumps(dict(sorted(said.items())), indent=2) + "\n").encode()


def _lora(said: dict[str, Any]) -> AdapterConfig:
    use_dora = _flag(said, "use_dora")
    return AdapterConfig(
        kind="dora" if use_dora else "lora",
        r=_rank("r", said.get("r")),
        alpha=_alpha("lora_alpha", said.get("lora_alpha")),
        use_rslora=_flag(said, "use_rslora"),
        use_dora=use_dora,
        rank_pattern=_pattern(said, "rank_pattern", _rank),
        alpha_pattern=_pattern(said, "alpha_pattern", _alpha),
        target_modules=_modules(said, "target_modules"),
    )


def _ia3(said: dict[str, Any]) -> AdapterConfig:
    targets = _modules(said, "target_modules")
    feedforward = _modules(said, "feedforward_modules", may_be_empty=True)
    if not set(feedforward) <= set(targets):
        _refuse("Its feedforward_modules name layers that target_modules lacks.")
    return AdapterConfig(kind="ia3", target_modules=targets, feedforward_modules=feedforward)


def _check_keys(said: dict[str, Any]) -> None:
    for key, value in said.items():
        if key not in _READ and key not in _NOT_USED and value not in (None, False, {}, [], ""):
            _refuse(f"{key[:60]} is set. " + _WHY_REFUSED.get(key, "It is not a key we know."))
    if said.get("bias", "none") != "none":
        _refuse("bias is set. It changes the base's biases, which experts may not.")
    if said.get("fan_in_fan_out"):
        _refuse("fan_in_fan_out is set. Qwen models have no such layers.")
    if said.get("init_lora_weights", True) not in _HARMLESS_INITS:
        _refuse("init_lora_weights is set to a method that changes the base model itself.")
    if said.get("task_type") not in (None, "CAUSAL_LM"):
        _refuse(f"task_type is {str(said['task_type'])[:40]!r}; only CAUSAL_LM is supported.")
    if said.get("megatron_core") not in (None, "", "megatron.core"):
        _refuse("megatron_core is set. It names a library to import, and nothing is imported.")
    base = said.get("base_model_name_or_path")
    if isinstance(base, str) and ("://" in base or base.startswith(("\\\\", "//"))):
        _refuse("base_model_name_or_path is an address on a network; nothing is fetched from it.")


def _modules(said: dict[str, Any], key: str, may_be_empty: bool = False) -> tuple[str, ...]:
    """A list of plain layer names; a string would be a regular expression or a wildcard."""
    value = said.get(key)
    if isinstance(value, str):
        _refuse(f"{key} is a pattern; a list of layer names such as q_proj is needed.")
    if value is None and may_be_empty:
        return ()
    if not isinstance(value, list) or not (value or may_be_empty):
        _refuse(f"{key} should be a list of layer names.")
    for name in value:
        if not isinstance(name, str) or name.split(".")[-1] not in ADAPTER_MODULES:
            _refuse(f"{key} names {str(name)[:60]!r}, which is not a layer experts may adapt.")
    return tuple(sorted(set(value)))


def _pattern(said: dict[str, Any], key: str, read: Callable[[str, Any], T]) -> dict[str, T]:
    value = said.get(key) or {}
    if not isinstance(value, dict):
        _refuse(f"{key} should be an object of layer names and numbers.")
    for name in value:
        if not _PLAIN_PATTERN.fullmatch(name):
            _refuse(f"{key} holds {name[:60]!r}, which is not a plain layer name.")
    return {name: read(f"{key}.{name}"[:100], item) for name, item in value.items()}


def _rank(key: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_RANK:
        _refuse(f"{key} should be a whole number from 1 to {MAX_RANK}.")
    return value


def _alpha(key: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value <= MAX_ALPHA:
        _refuse(f"{key} should be a number above 0, up to {MAX_ALPHA:g}.")
    return float(value)


def _soft_tokens(said: dict[str, Any]) -> int:
    value = said.get("num_virtual_tokens")
    if type(value) is not int or not 1 <= value <= MAX_SOFT_TOKENS:
        _refuse(f"num_virtual_tokens should be a whole number from 1 to {MAX_SOFT_TOKENS}.")
    return value


def _flag(said: dict[str, Any], key: str) -> bool:
    value = said.get(key) or False
    if value is not True and value is not False:
        _refuse(f"{key} should be true or false.")
    return value


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str):
        _refuse(f"{key} is missing.")
    return value


def _by_suffix(pattern: dict[str, T], module: str, otherwise: T) -> T:
    """The value of the first key the module's name ends with, whole parts only (as PEFT)."""
    for key, value in pattern.items():
        if module == key.removeprefix("^") or (key[0] != "^" and module.endswith("." + key)):
            return value
    return otherwise


def _refuse(why: str) -> NoReturn:
    raise ArchiveError(
        "Its adapter_config.json cannot be used.",
        why,
        "Ask the maker of the expert for one without it.",
    )
