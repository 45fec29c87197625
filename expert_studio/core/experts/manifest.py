"""What an expert says of itself: manifest schema 2.0, read leniently and written strictly.

Knows nothing of archives, of other experts or of tensors. Fields and their upstream
spellings: upstream-spec part 1.2. Unknown keys survive a round trip.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from expert_studio.core.errors import DependencyError, ManifestError
from expert_studio.core.experts.leniency import (
    SCHEMA_VERSION,
    Deviation,
    as_schema_2,
    departures,
)
from expert_studio.core.experts.requirement import (
    is_name,
    name_key,
    parse_requirement,
    parse_version,
)
from expert_studio.core.experts.untrusted_json import UnreadableJsonError, read_json_object

MAX_MANIFEST_BYTES = 1 << 20
TIERS = ("format", "language", "technology", "domain", "task")
_KINDS = {"lora": "lora", "lora-fa": "lora", "dora": "dora", "ia3": "ia3"}
_OPTIONAL_SECTIONS = frozenset(
    {"homepage", "repository", "routing", "perf", "runtime", "evaluation"}
    | {"quality_metrics", "limitations", "tags"}
)

Number = StrictInt | StrictFloat
Sha256 = Annotated[StrictStr, Field(pattern=r"^([0-9a-f]{64})?$")]
Text = StrictStr


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_stated(cls, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        return {k: v for k, v in said.items() if v is not None or k not in cls.model_fields}


class AdapterEntry(_Part):
    """One adapter for one base. `r` and `alpha` are absent for IA3."""

    type: Text = "lora"  # lora, dora, ia3, lokr, adalora, lora-fa
    target_modules: tuple[Text, ...] = ()
    feedforward_modules: tuple[Text, ...] = ()
    r: Annotated[StrictInt, Field(ge=1, le=256)] | None = None
    alpha: Annotated[Number, Field(gt=0, le=65536)] | None = None
    scaling: Text = "standard"  # standard, dora, learned
    dropout: Annotated[Number, Field(ge=0, le=1)] = 0.0
    use_dora: StrictBool = False
    checkpoint_step: StrictInt | None = None
    size_bytes: Annotated[StrictInt, Field(ge=0)] = 0
    sha256: Sha256 = ""


class BaseEntry(_Part):
    """A base model the expert was made for, and the adapters made for it."""

    name: Annotated[Text, Field(min_length=1)]
    sha256: Sha256 = ""  # of the base's model.safetensors; "" = not stated
    quantization: Text = ""
    rope_scaling: JsonValue = None
    prompt_template: Text = ""
    adapters: tuple[AdapterEntry, ...] = ()

    def is_named(self, name: str) -> bool:
        """Whether this is the base of that name; folders and letter case do not count."""
        return _base_key(self.name) == _base_key(name)


class SoftPrompt(_Part):
    """Virtual tokens that stand before the first token of the prompt."""

    name: Text
    path: Text
    tokens: Annotated[StrictInt, Field(ge=1, le=512)]
    init_method: Text | None = None
    init_text: Text | None = None
    purpose: Text | None = None


class Routing(_Part):
    """Which prompts want this expert."""

    keywords: tuple[Text, ...] = ()
    exclude_keywords: tuple[Text, ...] = ()
    router_hint: Text | None = None
    priority: Annotated[Number, Field(ge=0, le=1)] = 0.5


class Constraints(_Part):
    """What the expert asks of the stack it is loaded in."""

    max_chain: Annotated[StrictInt, Field(ge=1)] = 10
    load_order: Annotated[StrictInt, Field(ge=0, le=1000)]
    requires: tuple[Text, ...] = ()
    incompatible_with: tuple[Text, ...] = ()


class Perf(_Part):
    """What the maker says the expert costs."""

    latency_ms_overhead: Annotated[Number, Field(ge=0)]
    vram_mb_overhead: Annotated[Number, Field(ge=0)]
    supported_batch_sizes: tuple[StrictInt, ...] = ()


class Integrity(_Part):
    """Hashes of the files in the archive, and who signed them."""

    created_at: Text | None = None
    publisher: Text | None = None
    pubkey: Text | None = None
    signature_algorithm: Text | None = None
    signature: Text | None = None
    files: dict[Text, Text] = Field(default_factory=dict)


class TrainedWith(_Part):
    """An expert that was attached and frozen, at this weight, while this one was trained."""

    name: Text
    version: Text
    weights_sha256: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]
    weight: Annotated[Number, Field(ge=-2, le=2)] = 1.0


_TRAINED_WITH = TypeAdapter(tuple[TrainedWith, ...])


class Manifest(_Part):
    """One expert, as schema 2.0 describes it.

    Raises `pydantic.ValidationError` when built with impossible values; `read_manifest`
    turns that into a `ManifestError`.
    """

    name: Text
    version: Text
    schema_version: Text = SCHEMA_VERSION
    description: Text = ""
    author: Text = ""
    homepage: Text | None = None
    repository: JsonValue = None
    base_models: tuple[BaseEntry, ...] = ()
    soft_prompts: tuple[SoftPrompt, ...] = ()
    capabilities: tuple[Text, ...] = ()
    routing: Routing | None = None
    constraints: Constraints
    perf: Perf | None = None
    runtime: dict[str, JsonValue] | None = None
    training: dict[str, JsonValue] | None = None
    evaluation: dict[str, JsonValue] | None = None
    quality_metrics: dict[str, JsonValue] = Field(default_factory=dict)
    limitations: tuple[JsonValue, ...] = ()
    license: Text = ""
    tags: tuple[Text, ...] = ()
    integrity: Integrity | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not is_name(self.name):
            raise ValueError(
                f"name: {self.name[:80]!r} is not a name of 2 to 64 letters a-z, digits and hyphens"
            )
        try:
            parse_version(self.version)
            for need in (*self.constraints.requires, *self.constraints.incompatible_with):
                parse_requirement(need)
        except DependencyError as cause:
            raise ValueError(f"constraints: {cause.what} {cause.why}") from cause
        try:
            _ = self.trained_with
        except ValidationError as cause:
            raise ValueError(f"training.dependencies: {_sentence(cause.errors()[0])}") from cause
        return self

    @property
    def tier(self) -> str:
        """format, language, technology, domain or task: the band its load order lies in."""
        return TIERS[min(max(self.constraints.load_order - 1, 0) // 2, len(TIERS) - 1)]

    @property
    def trained_with(self) -> tuple[TrainedWith, ...]:
        """The experts it was trained on top of (`training.dependencies`)."""
        stated = (self.training or {}).get("dependencies") or []
        return _TRAINED_WITH.validate_python(stated)

    @property
    def needs(self) -> tuple[str, ...]:
        """Requirements on other experts: `requires`, and what it was trained on top of."""
        stated = self.constraints.requires
        keys = {name_key(parse_requirement(need).name) for need in stated}
        return (*stated, *(t.name for t in self.trained_with if name_key(t.name) not in keys))

    @property
    def kind(self) -> str:
        """lora, dora, ia3 or soft_prompt.

        Raises:
            ManifestError: the adapter is of a type that cannot be run (lokr, adalora).
        """
        adapter = self._first_adapter
        if adapter is None:
            return "soft_prompt"
        if adapter.use_dora or adapter.scaling == "dora":
            return "dora"
        kind = _KINDS.get(adapter.type.lower())
        if kind is None:
            raise ManifestError(
                f"{self.name} cannot be used.",
                f"Its adapter is of the type {adapter.type[:40]!r}.",
                "Adapters of the types lora, dora and ia3, and soft prompts, can be used.",
            )
        return kind

    @property
    def rank(self) -> int | None:
        """The adapter's rank r, or None where it has none (IA3, soft prompts)."""
        return None if self._first_adapter is None else self._first_adapter.r

    @property
    def _first_adapter(self) -> AdapterEntry | None:
        return next((adapter for base in self.base_models for adapter in base.adapters), None)

    def base_for(self, name: str | None, sha256: str | None) -> BaseEntry | None:
        """The entry for a base: the one of that hash, else the one of that name, else None."""
        by_hash = [base for base in self.base_models if sha256 and base.sha256 == sha256]
        by_name = [base for base in self.base_models if name and base.is_named(name)]
        return next(iter(by_hash + by_name), None)

    def same_name(self, name: str) -> bool:
        """Whether `name` means this expert, with or without `expert-` in front."""
        return name_key(self.name) == name_key(name)


def read_manifest(data: bytes, origin: str) -> tuple[Manifest, tuple[Deviation, ...]]:
    """Reads schema 1.0 or 2.0, told apart by what stands in it, with unknown keys kept.

    An optional section of the wrong shape is kept as `_<key>` (a comment) and reported.

    Args:
        origin: where the bytes come from, as the error should say it.

    Raises:
        ManifestError: it is not JSON, a field that matters is missing or impossible.
    """
    try:
        raw = read_json_object(data, MAX_MANIFEST_BYTES)
    except UnreadableJsonError as cause:
        raise ManifestError(
            f"The manifest of {origin} cannot be read.",
            str(cause),
            "Ask its maker for a sound one.",
        ) from cause
    try:
        said, found = as_schema_2(raw)
        manifest, said = _validated(said, found)
    except ValidationError as cause:
        raise ManifestError(
            f"The manifest of {origin} cannot be used.",
            "; ".join(dict.fromkeys(_sentence(e).rstrip(".") for e in cause.errors()[:4])) + ".",
            "Correct the manifest, or ask its maker to.",
        ) from cause
    return manifest, (*found, *departures(said))


def write_manifest(manifest: Manifest) -> bytes:
    """Writes schema 2.0 as UTF-8 JSON with two spaces, the same bytes for the same manifest.

    Raises:
        ManifestError: it leaves the schema somewhere; every place is named.
    """
    said = manifest_as_json(manifest.model_copy(update={"schema_version": SCHEMA_VERSION}))
    found = [d for d in departures(said) if not d.field.endswith(".path")]
    found += [Deviation(k, "It is missing.") for k in ("description", "license") if not said[k]]
    if found:
        raise ManifestError(
            f"The manifest of {manifest.name} cannot be written.",
            " ".join(str(deviation) for deviation in found),
            "Correct these fields.",
        )
    return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def manifest_as_json(part: BaseModel) -> dict[str, Any]:
    """The part as plain JSON values: stated fields in schema order, then unknown keys."""
    said: dict[str, Any] = {}
    for field in type(part).model_fields:
        value = getattr(part, field)
        if value is not None:
            said[field] = _plain(value)
    for key, value in (part.model_extra or {}).items():
        said[key] = _plain(value)
    return said


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return manifest_as_json(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _validated(said: dict[str, Any], found: list[Deviation]) -> tuple[Manifest, dict[str, Any]]:
    """Validates; optional sections of the wrong shape are set aside, one after another."""
    try:
        return Manifest.model_validate(said), said
    except ValidationError as cause:
        wrong = {str(error["loc"][0]) for error in cause.errors() if error["loc"]}
        if not wrong or not wrong <= _OPTIONAL_SECTIONS:
            raise
        kept = {key: value for key, value in said.items() if key not in wrong}
        for key in sorted(wrong):
            kept[f"_{key}"] = said[key]
            found.append(Deviation(key, "It is not of the right shape and is not used."))
        return Manifest.model_validate(kept), kept


def _sentence(error: Any) -> str:
    path = ""
    for step in error["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{path.lstrip('.')}: {message}" if path else message


def _base_key(name: str) -> str:
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower()
