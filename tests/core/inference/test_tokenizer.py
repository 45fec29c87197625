"""Messages to tokens as transformers does it, but nothing typed becomes a control token."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_studio.core.errors import InferenceError, LoadError
from expert_studio.core.inference.conversation import Message
from expert_studio.core.inference.tokenizer import ChatTokenizer
from tests.core.inference.random_bases import BUNDLED

TOKENIZER = ChatTokenizer(BUNDLED)
CONTROL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>")
# the parts of Qwen3's own template that a plain chat goes through
QWEN3_TEMPLATE = """
{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(last=messages|length - 1) %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- if '</think>' in content %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""


def _folder(tmp_path: Path, template: object = None, **settings: object) -> Path:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(BUNDLED / name, tmp_path / name)
    stored = json.loads((BUNDLED / "tokenizer_config.json").read_text()) | settings
    if template is not None:
        stored["chat_template"] = template
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(stored))
    return tmp_path


@pytest.mark.parametrize("template", [None, QWEN3_TEMPLATE])
def test_prompts_are_those_of_transformers(template: str | None, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    folder = _folder(tmp_path, template)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    turns = [
        Message("system", "You are brief."),
        Message("user", "Grüße! Extract 3.14 as JSON:\n\n\t{'a': 1}  日本語 🦜"),
        Message("assistant", '{"a": 3.14}'),
        Message("user", "Thanks — again, please."),
    ]
    expected = theirs.apply_chat_template(
        [{"role": turn.role, "content": turn.content} for turn in turns],
        add_generation_prompt=True,
        enable_thinking=False,
        return_dict=False,
    )
    assert ChatTokenizer(folder).prompt_ids(turns) == expected


def test_template_beside_the_settings_wins(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}!")
    tokenizer = ChatTokenizer(folder)
    assert tokenizer.prompt_ids([Message("user", "a b")]) == tokenizer.encode("a b!")


def test_named_templates_take_the_default(tmp_path: Path) -> None:
    named = [{"name": "tools", "template": "x"}, {"name": "default", "template": "yes"}]
    tokenizer = ChatTokenizer(_folder(tmp_path, named))
    assert tokenizer.prompt_ids([]) == tokenizer.encode("yes")


@given(st.lists(st.sampled_from([*CONTROL, "a", "<", "|im_end|>", " ", "\n", "ü"]), max_size=12))
def test_typed_control_tokens_stay_text(pieces: list[str]) -> None:
    content = "".join(pieces)
    ids = TOKENIZER.prompt_ids([Message("user", content)])
    said = b"".join(TOKENIZER.token_bytes(token) for token in ids).decode()
    controls = [token for token in ids if token <= 4]
    assert controls == [1, 2, 1]  # <|im_start|> user <|im_end|> <|im_start|> assistant
    assert said == f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"


@given(st.text(max_size=60))
def test_every_text_comes_back_from_its_bytes(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert b"".join(TOKENIZER.token_bytes(token) for token in ids).decode() == text


def test_control_tokens_and_end() -> None:
    assert TOKENIZER.end_tokens == (2,)
    assert TOKENIZER.is_control(1)
    assert not TOKENIZER.is_control(1999)
    assert TOKENIZER.token_bytes(999_999) == b""


def test_a_template_that_refuses_is_a_sentence(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "{{ raise_exception('Roles must alternate') }}")
    with pytest.raises(InferenceError, match="Roles must alternate"):
        ChatTokenizer(folder).prompt_ids([Message("user", "x")])


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append({'role': 'user', 'content': 'x'}) }}",
        "{% for i in range(999999999) %}x{% endfor %}",
    ],
)
def test_a_hostile_template_is_held(template: str, tmp_path: Path) -> None:
    with pytest.raises(InferenceError):
        ChatTokenizer(_folder(tmp_path, template)).prompt_ids([Message("user", "x")])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "tokenizer"),
        (lambda f: (f / "tokenizer.json").write_text('{"model": {"type": "BPE"}}'), "tokenizer"),
        (lambda f: (f / "tokenizer_config.json").write_text("["), "tokenizer_config"),
        (lambda f: (f / "tokenizer_config.json").unlink(), "chat template"),
        (lambda f: (f / "chat_template.jinja").write_text("{% if %}"), "chat template"),
    ],
)
def test_a_damaged_tokenizer_is_a_sentence(spoil: object, sentence: str, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(LoadError, match=sentence):
        ChatTokenizer(folder)


@pytest.mark.parametrize(
    ("content", "sentence"), [("{}", "says nothing of its 'decoder'"), ("[" * 100_000, "depth")]
)
def test_a_tokenizer_of_another_kind_is_a_sentence(
    content: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(LoadError, match=sentence):
        ChatTokenizer(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(LoadError, match=r"tokenizer\.json: No such file or directory\."):
        ChatTokenizer(tmp_path)
