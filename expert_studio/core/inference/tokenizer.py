"""Messages to tokens through a base's own chat template, and tokens to bytes.

What a person or a document writes never becomes a control token: only what the
template itself says does. Thinking is off. Knows nothing of tensors or answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from expert_studio.core.errors import InferenceError, LoadError
from expert_studio.core.inference.conversation import Message

PRIVATE_USE = range(0xF0000, 0xFFFFE)
# A template is a program of the base's maker: it may fail in any way a program can.
TEMPLATE_FAILURES = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
NAMED_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")


class ChatTokenizer:
    """The byte-level tokenizer and the template of one base folder."""

    def __init__(self, folder: Path) -> None:
        """Raises LoadError: a file is missing, unreadable, or not a byte-level tokenizer."""
        settings = _settings(folder)
        stored = _stored_tokenizer(folder)
        self._added: dict[str, int] = {
            token["content"]: int(token["id"]) for token in stored.get("added_tokens", [])
        }
        # Without added tokens, "<|im_start|>" is ordinary characters wherever it is typed.
        self._plain = Tokenizer.from_str(json.dumps({**stored, "added_tokens": []}))
        self._bytes = _bytes_of_tokens(self._plain.get_vocab(), self._added)
        self.longest_token = max((len(said) for said in self._bytes.values()), default=1)  # bytes
        self._control = frozenset(
            int(t["id"]) for t in stored.get("added_tokens", []) if t.get("special")
        )
        self._template = _template(folder, settings)
        self._names = {name: _content(settings.get(name)) for name in NAMED_TOKENS}
        end = self._names["eos_token"]
        self.end_tokens: tuple[int, ...] = (self._added[end],) if end in self._added else ()
        longest_first = sorted(self._added, key=len, reverse=True)
        self._split = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a conversation, up to where the assistant's answer begins.

        Raises:
            InferenceError: the base's template refuses these messages.
        """
        marker = _unused_character(messages)
        return self._encode_rendered(self._rendered(messages, marker), marker)

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """What `prompt_ids` are the tokens of, control tokens by their names.

        Raises:
            InferenceError: the base's template refuses these messages.
        """
        marker = _unused_character(messages)
        return self._rendered(messages, marker).replace(marker, "")

    @property
    def end_text(self) -> str:
        """The token an answer ends with, by its name; "" where the base has none."""
        return str(self._names["eos_token"])

    def _rendered(self, messages: Sequence[Message], marker: str) -> str:
        turns = [
            {"role": m.role, "content": self._split.sub(lambda t: _marked(t[0], marker), m.content)}
            for m in messages
        ]
        try:
            return self._template.render(
                messages=turns, add_generation_prompt=True, enable_thinking=False, **self._names
            )
        except TEMPLATE_FAILURES as cause:
            raise InferenceError(
                "The conversation could not be given to the base.",
                f"Its chat template says: {cause}.",
                "Try a conversation of user and assistant turns only.",
            ) from cause

    def encode(self, text: str) -> list[int]:
        """The tokens of plain text; control tokens in it stay characters."""
        return self._encode_plain([text])[0]

    def token_bytes(self, token: int) -> bytes:
        """The UTF-8 bytes of one token, perhaps part of a character; b"" for one without text."""
        return self._bytes.get(token, b"")

    @property
    def added_tokens(self) -> frozenset[int]:
        """Tokens that stand beside the ordinary ones: all that steer, and tags such as <think>."""
        return frozenset(self._added.values())

    def is_control(self, token: int) -> bool:
        """Whether a token steers (a special added token) rather than says something."""
        return token in self._control

    def _encode_rendered(self, rendered: str, marker: str) -> list[int]:
        pieces: list[str | int] = []
        start = 0
        for match in self._split.finditer(rendered):
            pieces += [rendered[start : match.start()], self._added[match[0]]]
            start = match.end()
        pieces.append(rendered[start:])
        texts = [piece.replace(marker, "") for piece in pieces if isinstance(piece, str)]
        encoded = iter(self._encode_plain(texts))
        ids: list[int] = []
        for piece in pieces:
            ids += [piece] if isinstance(piece, int) else next(encoded)
        return ids

    def _encode_plain(self, texts: list[str]) -> list[list[int]]:
        # In batches, because only the batch call lets other Python threads run meanwhile.
        encodings = self._plain.encode_batch(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]


def _marked(control: str, marker: str) -> str:
    return control[0] + marker + control[1:]


def _unused_character(messages: Sequence[Message]) -> str:
    """A private-use character that no message contains."""
    used = {character for m in messages for character in m.content if ord(character) >= 0xF0000}
    return next(chr(code) for code in PRIVATE_USE if chr(code) not in used)


def _stored_tokenizer(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        byte_level = "ByteLevel" in json.dumps(stored["decoder"])
        if stored["model"]["type"] != "BPE" or not byte_level:
            raise ValueError("it is not a byte-level BPE tokenizer")
        return dict(stored)
    except KeyError as cause:
        raise LoadError(
            f"The tokenizer in {folder} cannot be used.",
            f"{path.name} says nothing of its {cause}.",
            "Download the base again.",
        ) from cause
    except (OSError, ValueError, TypeError, RecursionError) as cause:
        raise LoadError(
            f"The tokenizer in {folder} cannot be used.",
            f"{path.name}: {getattr(cause, 'strerror', None) or cause}.",
            "Download the base again.",
        ) from cause


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return dict(settings)
    except (OSError, ValueError, TypeError, RecursionError) as cause:
        raise LoadError(
            f"The tokenizer in {folder} cannot be used.",
            f"{path.name} could not be read: {getattr(cause, 'strerror', None) or cause}.",
            "Download the base again.",
        ) from cause


def _template(folder: Path, settings: dict[str, Any]) -> jinja2.Template:
    beside = folder / "chat_template.jinja"
    try:
        if beside.exists():
            source: Any = beside.read_text(encoding="utf-8")
        else:
            source = settings.get("chat_template")
            if isinstance(source, list):  # several named templates: the one for chat
                source = {entry["name"]: entry["template"] for entry in source}.get("default")
        if not isinstance(source, str):
            raise ValueError("there is none")
        return _environment().from_string(source)
    except (OSError, ValueError, KeyError, TypeError, jinja2.TemplateError) as cause:
        raise LoadError(
            f"The base in {folder} cannot chat.",
            f"Its chat template could not be read: {cause}.",
            "Use the instruction-tuned release of the base.",
        ) from cause


def _environment() -> ImmutableSandboxedEnvironment:
    """The environment Hugging Face templates are written for, sandboxed."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = lambda value, **options: json.dumps(
        value, ensure_ascii=False, **options
    )
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    return environment


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _content(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _bytes_of_tokens(vocabulary: dict[str, int], added: dict[str, int]) -> dict[int, bytes]:
    byte_of = _byte_alphabet()
    table = {
        token: bytes(byte_of[c] for c in text)
        for text, token in vocabulary.items()
        if all(c in byte_of for c in text)
    }
    return table | {token: text.encode() for text, token in added.items()}


def _byte_alphabet() -> dict[str, int]:
    """The printable stand-ins that byte-level BPE writes for bytes (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + index): byte for index, byte in enumerate(others)
    }
