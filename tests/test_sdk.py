"""The public Python API on the real base with the real experts; every example is run."""

from __future__ import annotations

import asyncio
import doctest
import json
import re
from pathlib import Path
from typing import Any

import pytest

from expert_studio import sdk
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders, bundled_experts_folder
from expert_studio.sdk import Constraint, Expert, ExpertManager, InferenceError, UsageError

PARSER = bundled_experts_folder() / "json-parser" / "json-parser.expert"
CLASSIFIER = bundled_experts_folder() / "document-classifier" / "document-classifier.expert"
README = Path(__file__).parents[1] / "README.md"
MARIA = "Extract name and age as JSON: Maria Silva is 34 years old."
# nothing short fulfils it, so that there is an answer to stop
LONG: dict[str, Any] = {"constraint": Constraint("regex", "[a-z ]{3000}"), "max_tokens": 900}
# The classifier with what it learned on top of, in load order.
FOUR = ["json-parser", "english-basic", "neo4j-cypher", "document-classifier"]
CODE = (
    "Classify this document: type, language and technologies as JSON.\n\n"
    "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n"
)


def _manager() -> ExpertManager:
    return ExpertManager(base="bundled", quantization="fp32", device="cpu")


def test_every_example_runs() -> None:
    names = {"json": json, "asyncio": asyncio, **vars(sdk)}
    failed, tried = 0, 0
    runner = doctest.DocTestRunner()
    for example in doctest.DocTestFinder(exclude_empty=True).find(sdk, globs=names):
        result = runner.run(example)
        failed, tried = failed + result.failed, tried + result.attempted
    assert tried >= 9
    assert failed == 0


def test_the_readme_example_runs() -> None:
    section = README.read_text("utf-8").partition("## From Python")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```pycon\n(.*?)```", section, re.DOTALL)
    example = doctest.DocTestParser().get_doctest(code, {}, "README", None, 0)
    result = doctest.DocTestRunner().run(example)
    assert result.attempted
    assert result.failed == 0


def test_two_experts_share_one_base_and_are_independent(studio_home: Path) -> None:
    parser = Expert.load(PARSER, base="bundled", device="cpu")
    classifier = Expert.load(str(CLASSIFIER), base="bundled", device="cpu")
    lane = parser._manager._lane
    assert classifier._manager._lane is lane
    memory = lane.call(lambda engine: engine.memory())
    weights = Folders.default().bundled_base / "model.safetensors"
    assert memory.base < 1.1 * weights.stat().st_size, "one base for both"
    assert [name for name, _ in memory.experts] == FOUR
    said = classifier.generate(CODE, temperature=0)
    assert [m.name for m in said.stack.members] == FOUR
    along = {t.name: t.weight for t in classifier.installed.manifest.trained_with}
    assert [m.weight for m in said.stack.members] == [*(along[n] for n in FOUR[:3]), 1.0]
    assert json.loads(said.text)["type"] == "source_code"
    answer = parser.generate(MARIA, temperature=0)
    assert json.loads(answer.text) == {"name": "Maria Silva", "age": 34}
    assert [m.name for m in answer.stack.members] == ["json-parser"]
    parser.close()
    assert classifier.generate(CODE, temperature=0).text == said.text
    with pytest.raises(InferenceError, match=r"closed.*Load them again"):
        parser.generate(MARIA)
    classifier.close()
    assert list(studio_home.rglob("*.safetensors")) == []  # never into the person's library


def test_an_installed_name_and_a_folder_load(studio_home: Path) -> None:
    installed = install(PARSER, Library(Folders.default().library)).expert
    with _manager() as manager:
        by_name = manager.load_expert("json-parser")
        assert by_name.installed.folder == installed.folder
        by_folder = manager.load_expert(installed.folder)
        assert by_folder.installed.folder != installed.folder
        place = by_folder.installed.folder
        assert json.loads(by_folder.generate(MARIA, temperature=0).text)["age"] == 34
    assert not place.exists()


def test_unloading_gives_bytes_back_and_later_use_is_a_sentence() -> None:
    with _manager() as manager:
        parser = manager.load_expert(PARSER)
        before = manager._lane.call(lambda engine: engine.memory())
        (listed,) = manager.list_loaded_experts()
        assert (listed.name, listed.base) == ("json-parser", "expert-base-12m")
        assert listed.last_used is not None
        freed = manager.unload_expert("json-parser")
        assert freed == listed.size_bytes == sum(size for _, size in before.experts) > 0
        assert manager.list_loaded_experts() == ()
        with pytest.raises(InferenceError, match=r"json-parser is not loaded. Load it first."):
            parser.generate(MARIA)
        manager.load_expert(CLASSIFIER)
        manager.load_expert(PARSER)
        assert manager.unload_expert("json-parser") == 0  # the classifier needs it
        assert manager.unload_expert("document-classifier") > 0
        assert manager.list_loaded_experts() == ()


def test_hot_swap_keeps_the_base() -> None:
    with _manager() as manager:
        engine = manager._lane.engine
        alone = manager.generate(MARIA, experts=(), temperature=0, max_tokens=24)
        manager.load_expert(PARSER)
        strong = manager.generate(MARIA, temperature=0)
        manager.set_weight("json-parser", 0.0)
        off = manager.generate(MARIA, temperature=0, max_tokens=24)
        assert off.text == alone.text != strong.text
        assert manager.generate(MARIA, experts={"json-parser": 1.0}, temperature=0).text == (
            strong.text
        )
        manager.swap_expert("json-parser", CLASSIFIER)
        loaded = manager.list_loaded_experts()
        assert [e.name for e in loaded] == FOUR
        assert [bool(e.required_by) for e in loaded] == [True, True, True, False]
        with pytest.raises(UsageError, match="weight 3"):
            manager.set_weight("document-classifier", 3.0)
        assert manager._lane.engine is engine


def test_a_stream_is_heard_whole_or_stopped_at_the_next_token() -> None:
    async def whole(manager: ExpertManager) -> None:
        stream = manager.generate_stream(MARIA, temperature=0)
        pieces = [piece async for piece in stream]
        assert "".join(pieces) == stream.answer.text

    async def cut(manager: ExpertManager) -> None:
        stream = manager.generate_stream(MARIA, **LONG)
        first = await anext(stream)
        await stream.aclose()
        assert stream.answer.finish_reason == "cancelled"
        assert stream.answer.text.startswith(first)
        assert stream.answer.timing.tokens < 900
        assert [piece async for piece in stream] == []

    async def forgotten(manager: ExpertManager) -> None:
        async for _ in manager.generate_stream(MARIA, **LONG):
            break

    async def cancelled(manager: ExpertManager) -> None:
        stream = manager.generate_stream(MARIA, **LONG)
        await anext(stream)

        async def listen() -> None:
            async for _ in stream:
                await asyncio.sleep(0)

        task = asyncio.create_task(listen())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await stream.aclose()
        assert stream.answer.finish_reason == "cancelled"

    with _manager() as manager:
        manager.load_expert(PARSER)
        before = manager.generate(MARIA, temperature=0).text
        for life in (whole, cut, cancelled, forgotten):
            asyncio.run(life(manager))
            assert manager.generate(MARIA, temperature=0).text == before
        heard: list[str] = []
        assert manager.generate_stream(MARIA, heard.append, temperature=0).text == before
        assert "".join(heard) == before

        def fail(_text: str) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            manager.generate_stream(MARIA, fail, **LONG)
        assert manager.generate(MARIA, temperature=0).text == before


def test_a_batch_is_in_order_and_may_mix_experts() -> None:
    with _manager() as manager:
        manager.load_expert(CLASSIFIER)
        manager.load_expert(PARSER)
        prompts = [MARIA, CODE, [{"role": "user", "content": MARIA}]]
        chosen = ["json-parser", "document-classifier", "json-parser"]
        together = manager.generate_batch(prompts, experts_for_each=chosen, temperature=0)
        singles = [
            manager.generate(prompt, experts=name, temperature=0)
            for prompt, name in zip(prompts, chosen, strict=True)
        ]
        assert [a.text for a in together] == [a.text for a in singles]
        with pytest.raises(UsageError, match="2 choices of experts do not fit 3 prompts"):
            manager.generate_batch(prompts, experts_for_each=chosen[:2])


def test_the_caller_goes_before_the_manifest_and_that_before_the_defaults() -> None:
    with _manager() as manager:
        expert = manager.load_expert(CLASSIFIER)
        stated = (expert.manifest.training or {})["decoding"]
        advised = expert.generate(CODE).sampling
        assert advised.temperature == stated["temperature"]
        assert (
            advised.temperature
            != manager.generate("Hello", experts=(), max_tokens=2).sampling.temperature
        )
        asked = expert.generate(CODE, temperature=0.5, max_tokens=3, stop="}").sampling
        assert (asked.temperature, asked.max_tokens, asked.stop) == (0.5, 3, ("}",))


def test_errors_are_sentences() -> None:
    with pytest.raises(UsageError, match=r"no base 'nowhere'.*base list"):
        ExpertManager(base="nowhere")
    with pytest.raises(UsageError, match=r"'q2' is no quantization. Use one of bf16"):
        ExpertManager(base="bundled", quantization="q2")  # type: ignore[arg-type]
    with _manager() as manager:
        with pytest.raises(sdk.LoadError, match=r"no expert at nowhere.expert"):
            manager.load_expert("nowhere.expert")
        with pytest.raises(sdk.LibraryError, match=r"No expert named nobody is installed"):
            manager.load_expert("nobody")
        with pytest.raises(UsageError, match=r"temperature cannot be -1. Give a number"):
            manager.generate("Hello", temperature=-1)
        with pytest.raises(UsageError, match="warmth is no decoding parameter"):
            manager.generate("Hello", warmth=1)
        with pytest.raises(UsageError, match="A message cannot be read"):
            manager.generate([{"role": "nobody", "content": "Hello"}])
        with pytest.raises(InferenceError, match="does not fit the base's context"):
            manager.generate("lighthouse " * 5000)
        with pytest.raises(InferenceError, match="has not ended yet"):
            _ = manager.generate_stream("Hello").answer
        with pytest.raises(UsageError, match="cannot take the weight 3"):
            manager.load_expert(PARSER, weight=3)
    with pytest.raises(InferenceError, match="closed"):
        manager.generate("Hello")
