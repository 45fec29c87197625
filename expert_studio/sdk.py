"""The public Python API: experts from files or names, composed on one base, answering.

Only composes what `core` does. Knows nothing of windows or terminals, and imports torch
when the first base is loaded. Errors are sentences: each has `what`, `why` and `remedy`.

    >>> with ExpertManager(base="bundled") as manager:
    ...     expert = manager.load_expert("json-parser")
    ...     answer = expert.generate(
    ...         "Extract name and age as JSON: Maria Silva is 34 years old.", temperature=0
    ...     )
    >>> json.loads(answer.text)
    {'name': 'Maria Silva', 'age': 34}

One base is held once for all managers and experts of a process that ask for the same
folder, quantization and device. It lives in a thread of its own and answers one call at
a time; methods may be called from any thread.
"""

from __future__ import annotations

import queue
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from expert_studio.core.errors import (
    ArchiveError,
    CompatibilityError,
    DependencyError,
    ExpertError,
    InferenceError,
    IntegrityError,
    LibraryError,
    LoadError,
    ManifestError,
    OutOfMemoryError,
    SettingsError,
    StorageError,
    UsageError,
)
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.call_arguments import Prompt, base_request
from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.conversation import Answer, BaseDescription, BaseRequest, Message
from expert_studio.core.inference.lane import AnswerStream, Lane, asking, join
from expert_studio.core.inference.loaded import Chosen, LoadedExpert, LoadedExperts
from expert_studio.core.inference.shelves import Shelves
from expert_studio.core.settings import Folders, KVFormat, Quantization

if TYPE_CHECKING:
    from expert_studio.core.inference.engine import Engine

__all__ = [
    "Answer",
    "AnswerStream",
    "ArchiveError",
    "BaseDescription",
    "CompatibilityError",
    "Constraint",
    "DependencyError",
    "Expert",
    "ExpertError",
    "ExpertManager",
    "InferenceError",
    "IntegrityError",
    "LibraryError",
    "LoadError",
    "LoadedExpert",
    "ManifestError",
    "Message",
    "OutOfMemoryError",
    "SettingsError",
    "StorageError",
    "UsageError",
]


class ExpertManager:
    """Experts on one base. Close it, or use it as a context manager.

    >>> with ExpertManager(base="bundled") as manager:
    ...     classifier = manager.load_expert("document-classifier")
    ...     [expert.name for expert in manager.list_loaded_experts()]
    ['json-parser', 'english-basic', 'neo4j-cypher', 'document-classifier']
    """

    def __init__(
        self,
        base: str | Path | None = None,
        quantization: Quantization | None = None,
        device: str | None = None,
        data_folder: str | Path | None = None,
        kv: KVFormat | None = None,
        context: int | None = None,
    ) -> None:
        """Loads the base, or joins those who have loaded it (seconds).

        Args:
            base: a Hugging Face folder, the name of a fetched base, or "bundled".
            quantization, device: "bf16", "fp32", "nf4", "int8", "int4"; "auto", "cpu", "cuda:0".
            data_folder: where library, bases and settings lie, else the person's own; only read.
            kv, context: "native", "int8", "int4"; tokens, more than the base's own by YaRN.
        What is None is as the settings in the data folder say.

        Raises:
            UsageError: there is no such base or quantization.
            SettingsError: the settings cannot be read.
            LoadError: the base cannot be loaded, or the device is not there.
            OutOfMemoryError: the base does not fit.
        """
        folders = Folders.default() if data_folder is None else Folders(Path(data_folder))
        request = base_request(base, quantization, device, folders, kv, context)
        # goes with this manager, closed or forgotten; experts given by path lie there
        place = tempfile.TemporaryDirectory(prefix="expert-studio-", ignore_cleanup_errors=True)
        try:
            self._lane = join(request, _load)
        except BaseException:
            place.cleanup()
            raise
        shelves = Shelves(Path(place.name), Library(folders.library))
        self._loaded = LoadedExperts(self._lane, shelves)
        self._release = weakref.finalize(self, _give_back, self._lane, id(self._loaded), place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives experts back, and the base if nobody else uses it. Closing twice is fine.

        An answer that is being streamed is finished first. Later use raises InferenceError.
        """
        if self._release.alive:
            for name in self._loaded.names:
                self.unload_expert(name)
            self._release()
            self._lane.wait_closed()

    @property
    def base(self) -> BaseDescription:
        """The base: name, folder, hash, device, bytes (`resident_bytes`), context in tokens."""
        return self._engine().base

    def load_expert(self, path_or_name: str | Path, weight: float = 1.0) -> Expert:
        """Brings an expert, and all it needs at the weights it was trained with, into memory.

        Args:
            path_or_name: a `.expert` file, the folder of one, or the name of an expert that
                is installed or ships with the app. A path never changes the person's library.
            weight: -2 to 2, how strongly it counts. Loading it again sets it anew.

        Raises:
            ArchiveError, IntegrityError, ManifestError: the package is damaged or hostile.
            LibraryError: no expert of that name is installed.
            DependencyError: what it needs is missing.
            CompatibilityError: it was made for another base.
            LoadError, OutOfMemoryError: its weights cannot be brought into memory.
            UsageError: the weight is out of range.
        """
        self._engine()
        expert = self._loaded.load(path_or_name, weight)
        return Expert(self, expert, owns=False)

    def unload_expert(self, name: str) -> int:
        """Lets an expert go, with what came along for it alone. Returns the bytes given back.

        What another loaded expert needs stays for that one; 0 comes back then.

        Raises:
            InferenceError: it is not loaded.
        """
        self._engine()
        return self._loaded.unload(name)

    def swap_expert(self, old: str, new: str | Path, weight: float = 1.0) -> Expert:
        """Loads one expert in the place of another; the base stays. On failure nothing changes.

        Raises:
            InferenceError: the old one is not loaded.
            As `load_expert`, of the new one.
        """
        old = self._loaded.name_of(old)
        expert = self.load_expert(new, weight)
        if expert.name != old:
            self.unload_expert(old)
        return expert

    def set_weight(self, name: str, weight: float) -> None:
        """How strongly a loaded expert counts from the next answer on, -2 to 2.

        Raises:
            InferenceError: it is not loaded.
            UsageError: the weight is out of range.
        """
        self._engine()
        self._loaded.set_weight(name, weight)

    def list_loaded_experts(self) -> tuple[LoadedExpert, ...]:
        """What this manager holds, in load order.

        Raises:
            InferenceError: the manager is closed.
        """
        self._engine()
        return self._loaded.listed()

    def generate(
        self, prompt_or_messages: Prompt, *, experts: Chosen | None = None, **sampling: Any
    ) -> Answer:
        """One answer, whole.

        Args:
            prompt_or_messages: text, or messages as `Message` or {"role":, "content":}.
            experts: names of loaded experts, or names with weights; () for the base alone.
                Without it all that are loaded answer together.
            sampling: fields of `Sampling` (`max_tokens` in tokens, `temperature`, `top_k`,
                `top_p`, `min_p`, `repetition_penalty`, `seed`, `stop`, `constraint`,
                `logprobs`). What is not given is as the experts' manifests say, or else as
                `Sampling` has it.

        Raises:
            InferenceError: closed, an expert is not loaded, or the prompt does not fit.
            UsageError: sampling, messages, weights or constraint cannot be used.
            DependencyError: the experts cannot work together, or are more than ten.
            OutOfMemoryError: no room; the manager stays usable.

        >>> with ExpertManager(base="bundled") as manager:
        ...     colour = Constraint.choices(["red", "green"])
        ...     answer = manager.generate("Red or green?", constraint=colour)
        >>> answer.text in ("red", "green"), answer.constraint_satisfied
        (True, True)
        """
        return self.generate_stream(prompt_or_messages, lambda _: None, experts=experts, **sampling)

    @overload
    def generate_stream(
        self, prompt_or_messages: Prompt, *, experts: Chosen | None = None, **sampling: Any
    ) -> AnswerStream: ...

    @overload
    def generate_stream(
        self,
        prompt_or_messages: Prompt,
        on_text: Callable[[str], None],
        *,
        experts: Chosen | None = None,
        **sampling: Any,
    ) -> Answer: ...

    def generate_stream(
        self,
        prompt_or_messages: Prompt,
        on_text: Callable[[str], None] | None = None,
        *,
        experts: Chosen | None = None,
        **sampling: Any,
    ) -> AnswerStream | Answer:
        """An answer as it comes: an async iterator of text, or calls of `on_text`.

        `on_text` is called in this thread, and the whole answer returned; what it raises
        ends the answer at the next token and is raised here. For the rest as `generate`.

        >>> async def ask(manager):
        ...     return [text async for text in manager.generate_stream("Hello!", max_tokens=4)]
        >>> with ExpertManager(base="bundled") as manager:
        ...     pieces = asyncio.run(ask(manager))
        ...     answer = manager.generate_stream("Hello!", pieces.append, max_tokens=4)
        """
        self._engine()
        question = self._loaded.question(prompt_or_messages, experts, sampling)
        if on_text is None:
            return AnswerStream(self._lane, question)
        stopped = threading.Event()
        heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        future = self._lane.submit(asking(question, heard.put, stopped))
        future.add_done_callback(lambda _: heard.put(None))
        try:
            while (piece := heard.get()) is not None:
                on_text(piece)
        except BaseException:
            stopped.set()
            future.exception()  # waits for the token it is at
            raise
        return future.result()

    def generate_batch(
        self,
        prompts: Sequence[Prompt],
        *,
        experts: Chosen | None = None,
        experts_for_each: Sequence[Chosen | None] | None = None,
        **sampling: Any,
    ) -> tuple[Answer, ...]:
        """Several answers at once, in the order of the prompts; the base is read once for all.

        `experts_for_each` chooses experts for each prompt in its place. As `generate`.

        Raises:
            UsageError: not as many choices of experts as prompts.
            As `generate`, of any of them.
        """
        self._engine()
        each = [experts] * len(prompts) if experts_for_each is None else list(experts_for_each)
        if len(each) != len(prompts):
            what = f"{len(each)} choices of experts do not fit {len(prompts)} prompts."
            raise UsageError(what, "", "Give one for each prompt.")
        questions = [
            self._loaded.question(p, e, sampling) for p, e in zip(prompts, each, strict=True)
        ]
        stopped = threading.Event()
        asked = (questions, lambda *_: None, stopped.is_set)
        future = self._lane.submit(lambda engine: engine.generate_batch(*asked))
        try:
            return future.result()
        except BaseException:
            stopped.set()
            raise

    def _engine(self) -> Engine:
        if not self._release.alive:
            raise InferenceError("These experts are closed.", "", "Load them again.")
        return self._lane.engine


class Expert:
    """One loaded expert. `Expert.load` gives one of its own, `ExpertManager.load_expert` shares.

    >>> with Expert.load("json-parser", base="bundled") as expert:
    ...     answer = expert.generate("Extract city as JSON: I live in Lyon.", temperature=0)
    >>> json.loads(answer.text)
    {'city': 'Lyon'}
    """

    def __init__(self, manager: ExpertManager, installed: InstalledExpert, owns: bool) -> None:
        self._manager = manager
        self._owns = owns
        self.installed = installed
        self.name = installed.name
        self.version = installed.version
        self.manifest = installed.manifest

    @classmethod
    def load(cls, path_or_name: str | Path, weight: float = 1.0, **base: Any) -> Self:
        """Loads an expert by itself. Close it, or use it as a context manager.

        Args:
            path_or_name, weight: as `ExpertManager.load_expert`.
            base: `base`, `quantization`, `device`, `data_folder`, as `ExpertManager`.
                Experts that ask for the same base share one.

        Raises:
            As `ExpertManager` and its `load_expert`.
        """
        manager = ExpertManager(**base)
        try:
            shared = manager.load_expert(path_or_name, weight)
            return cls(manager, shared.installed, owns=True)
        except BaseException:
            manager.close()
            raise

    def generate(self, prompt_or_messages: Prompt, **sampling: Any) -> Answer:
        """One answer by this expert with what it needs, as `ExpertManager.generate`.

        Raises:
            InferenceError: it was unloaded, or the prompt does not fit.
            As `ExpertManager.generate`.
        """
        return self._manager.generate(prompt_or_messages, experts=self.name, **sampling)

    def close(self) -> None:
        """Unloads it. Closing twice is fine."""
        if self._owns:
            self._manager.close()
        elif self.name in self._manager._loaded.names:
            self._manager.unload_expert(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()


def _load(request: BaseRequest, on_progress: Callable[[float], None]) -> Engine:
    from expert_studio.core.inference.engine import load_engine

    return load_engine(request, on_progress)


def _give_back(lane: Lane, user: int, place: tempfile.TemporaryDirectory[str]) -> None:
    with suppress(RuntimeError):  # the interpreter is ending, and has ended the lane's thread
        lane.leave(user)
    place.cleanup()
