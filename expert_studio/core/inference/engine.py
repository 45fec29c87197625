"""One base and the experts composed on it, answering: what the window and the command line call.

Every call comes from one thread. Knows nothing of Qt, of conversations kept on
disk or of how a library is laid out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from expert_studio.core.errors import InferenceError, OutOfMemoryError
from expert_studio.core.inference.adapters_shelf import AdapterShelf, Composition
from expert_studio.core.inference.answer_text import AnswerText
from expert_studio.core.inference.base_model import load_base
from expert_studio.core.inference.conversation import (
    Answer,
    Attribution,
    BaseDescription,
    BaseRequest,
    MemoryByOwner,
    Message,
    Question,
    Sampling,
    StackSpan,
)
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.decoder_kernels import keep_few
from expert_studio.core.inference.decoder_shape import read_shape, stretched
from expert_studio.core.inference.engine_answer import AnswerRun, Reading, Task, pieces
from expert_studio.core.inference.engine_attribution import (
    attribution_of,
    said_logprobs,
)
from expert_studio.core.inference.engine_batch import say_together
from expert_studio.core.inference.engine_caches import CacheShelf
from expert_studio.core.inference.engine_context import check_length, check_prompt, context_of
from expert_studio.core.inference.engine_logits import tensors_sha256, write_logits
from expert_studio.core.inference.engine_memory import (
    check_wanted_context,
    default_cache_bytes,
    give_back,
    make_room,
    memory_told,
    what_to_drop,
)
from expert_studio.core.inference.engine_threads import Threads
from expert_studio.core.inference.residency import ResidencyBudget, ResidentExpert
from expert_studio.core.inference.sampling import with_seed
from expert_studio.core.inference.sampling_constraint import GuideBook
from expert_studio.core.inference.stack import EMPTY, Stack
from expert_studio.core.inference.tokenizer import ChatTokenizer


def load_engine(request: BaseRequest, on_progress: Callable[[float], None]) -> Engine:
    """Loads a base. An `EngineFactory`.

    Raises:
        LoadError: the base, its tokenizer or the device will not do.
        OutOfMemoryError: the base does not fit.
    """
    keep_few()
    # a folder that is no base, or a context that does not fit, is told before anything is read
    shape = stretched(read_shape(request.folder), request.context, request.folder)
    check_wanted_context(shape, request)
    tokenizer = ChatTokenizer(request.folder)
    with torch.inference_mode(), memory_told(f"The base in {request.folder.name} does not fit."):
        decoder, description = load_base(request, on_progress)
    return Engine(decoder, tokenizer, description, request.cache_bytes)


class Engine:
    """A `ChatEngine` over our own decoder."""

    def __init__(
        self,
        decoder: Decoder,
        tokenizer: ChatTokenizer,
        description: BaseDescription,
        cache_bytes: int = 0,
    ) -> None:
        self._decoder: Decoder | None = decoder
        self._tokenizer = tokenizer
        self._description = description
        size = (description.parameters, description.resident_bytes)
        self._threads = Threads(*size, decoder.device)
        # Starting a bf16 product on a CPU costs ten times what a small one takes in fp32.
        dtype = torch.float32 if self._threads.small else decoder.dtype
        self._adapters = AdapterShelf(dtype, decoder.device)
        self._kv = description.kv
        self._caches = CacheShelf(cache_bytes or default_cache_bytes(decoder.device))
        self._ends = frozenset((*decoder.shape.end_tokens, *tokenizer.end_tokens))
        vocabulary = decoder.shape.vocabulary
        self._guides = GuideBook(tokenizer, vocabulary, self._ends, decoder.device)

    @property
    def base(self) -> BaseDescription:
        return self._description

    def generate(
        self,
        messages: Sequence[Message],
        stack: Stack,
        sampling: Sampling,
        on_text: Callable[[str], None],
        should_stop: Callable[[], bool],
        on_read: Callable[[int, int], None] | None = None,
        next_stack: Callable[[], Stack | None] | None = None,
        replay: Sequence[StackSpan] = (),
    ) -> Answer:
        """Streams an answer; see `ChatEngine.generate`.

        Args:
            on_read: gets how many tokens are read and how many there are, before each piece of
                a prompt and after the last; `should_stop` is asked between them, and what was
                read is kept.
            next_stack: asked at every token; where it gives another stack, that one reads
                prompt and answer so far and goes on, as if it had been given both.
            replay: spans of an earlier answer: each stack goes on after as many tokens again.

        Raises:
            InferenceError: closed, the prompt does not fit the context, or the stack is
                of another base.
            UsageError: the constraint cannot be used.
            LoadError, IntegrityError, CompatibilityError: an expert cannot be used.
            OutOfMemoryError: no room; caches and experts are given up, and the engine stays usable.
        """
        started_s = time.perf_counter()
        decoder = self._open()
        with self._working():
            composed = self._compose(stack)
            question = Question(tuple(messages), stack, sampling)
            task, text = self._task(question, started_s, on_read)
            reading = self._reading(stack, composed, task.prompt)
            run = AnswerRun(decoder, reading, self._threads, task, text)

            def change(read: Sequence[int]) -> Reading | None:
                said = len(read) - len(task.prompt)
                wanted = next((span.stack for span in replay if span.start == said), None)
                if wanted is None and next_stack is not None:
                    wanted = next_stack()
                if wanted is None or wanted.hash == run.stack.hash:
                    return None
                return self._reading(wanted, self._compose(wanted), read, strict=False)

            changes = next_stack is not None or bool(replay)
            answer = run.say(on_text, should_stop, change if changes else None)
            self._caches.trim()
            return answer

    def generate_batch(
        self,
        questions: Sequence[Question],
        on_text: Callable[[int, str], None],
        should_stop: Callable[[], bool],
    ) -> tuple[Answer, ...]:
        """Answers several at once, each with its own stack; the base is read once for all.

        `on_text` gets the question's index with each piece. Each answer is the one that
        `generate` would give, up to the rounding of products (nothing in fp32 but a tie).

        Raises:
            As `generate`, of any of them.
        """
        started_s = time.perf_counter()
        decoder = self._open()
        with self._working():
            apart = self._compositions([question.stack for question in questions])
            runs = []
            for question in questions:
                composed = apart[question.stack.hash]
                task, text = self._task(question, started_s)
                reading = self._reading(question.stack, composed, task.prompt)
                self._caches.lend(reading.text)
                runs.append(AnswerRun(decoder, reading, self._threads, task, text))
            answers = say_together(decoder, runs, self._threads, on_text, should_stop)
            for run in runs:
                self._caches.give_back(run.text_read)
            return answers

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The tokens that `generate` would read for these messages.

        Raises:
            InferenceError: the template refuses them, or they are surely too long.
        """
        check_length(messages, self._tokenizer, self._open().shape)
        if messages and messages[-1].role == "assistant":
            begun = self._tokenizer.encode(messages[-1].content)
            return [*self._tokenizer.prompt_ids(messages[:-1]), *begun]
        return self._tokenizer.prompt_ids(messages)

    def attribute(
        self,
        messages: Sequence[Message],
        tokens: Sequence[int],
        stack: Stack,
        on_done: Callable[[int, int], None],
        should_stop: Callable[[], bool],
    ) -> Attribution | None:
        """What each expert did for these tokens of an answer; see `ChatEngine.attribute`.

        One pass over prompt and answer with the stack, and one without each of its experts.

        Raises:
            As `generate`.
        """
        decoder, prompt = self._open(), self.prompt_ids(messages)

        def likely(part: Stack) -> list[float] | None:
            composed = self._compose(part)
            scaling, context = context_of(part, decoder.shape)
            check_prompt(composed.ahead, [*prompt, *tokens][:-1], context)
            cache = decoder.new_cache(self._kv, scaling)
            text = (prompt, tokens)
            return said_logprobs(decoder, composed, cache, self._threads, text, should_stop)

        with self._working():
            spelled = [self._tokenizer.token_bytes(token) for token in tokens]
            return attribution_of(stack, spelled, likely, on_done)

    def logits(self, token_ids: Sequence[int], stack: Stack = EMPTY) -> Tensor:
        """Reads the tokens afresh, with no cache.

        Returns:
            (positions, vocabulary) float32, on the CPU.

        Raises:
            As `generate`.
        """
        decoder = self._open()
        with self._working():
            composed = self._compose(stack)
            scaling, context = context_of(stack, decoder.shape)
            check_prompt(composed.ahead, token_ids, context)
            cache = decoder.new_cache(self._kv, scaling)
            rows = []
            for piece in pieces(token_ids):
                self._threads.take(len(piece))
                embedded = composed.embed(decoder, piece, first=cache.length == 0)
                hidden = decoder.read(embedded, cache, composed.layers)
                rows.append(decoder.logits(hidden[-len(piece) :]).cpu())
            return torch.cat(rows)

    def save_logits(self, path: Path, token_ids: Sequence[int], stack: Stack = EMPTY) -> None:
        """Writes `tokens` (positions,) int64 and `logits` (positions, vocabulary) float32.

        Raises:
            StorageError: the file cannot be written; nothing is left half-written.
            As `logits`.
        """
        write_logits(path, token_ids, self.logits(token_ids, stack), stack)

    def weights_sha256(self) -> str:
        """The hash of the base's weights as they lie in memory now, 64 hex digits.

        Composing experts never changes it.
        """
        return tensors_sha256(self._open().resident())

    def memory(self) -> MemoryByOwner:
        base = 0 if self._decoder is None else self._description.resident_bytes
        experts = tuple((e.name, e.size_bytes) for e in self._adapters.resident())
        return MemoryByOwner(base, experts, self._caches.resident_bytes)

    def attach_experts(self, stack: Stack) -> tuple[ResidentExpert, ...]:
        """Reads and composes a stack ahead of its first answer. Returns all that are in memory.

        Raises:
            As `generate`.
        """
        with self._working():
            self._compose(stack)
        return self.list_loaded_experts()

    def detach(self, name: str) -> None:
        """Takes an expert out of memory; a stack that names it reads it again.

        Raises:
            InferenceError: it is not in memory.
        """
        with torch.inference_mode():
            if not self._adapters.detach(name):
                raise InferenceError(f"{name} is not in memory.", "", "Attach it first.")
        give_back()

    def list_loaded_experts(self) -> tuple[ResidentExpert, ...]:
        """The experts in memory, in load order."""
        return self._adapters.resident()

    def pin(self, names: Collection[str]) -> None:
        """These experts stay in memory until they are detached; no others do."""
        with torch.inference_mode():
            self._adapters.pin(names)

    @property
    def expert_budget(self) -> ResidencyBudget:
        """What experts may take between answers."""
        return self._adapters.budget

    @expert_budget.setter
    def expert_budget(self, budget: ResidencyBudget) -> None:
        with torch.inference_mode():
            self._adapters.keep_to(budget)

    @property
    def cache_budget_bytes(self) -> int:
        """What keys and values may take between answers; those of the last one always stay."""
        return self._caches.budget_bytes

    @cache_budget_bytes.setter
    def cache_budget_bytes(self, budget_bytes: int) -> None:
        self._caches.budget_bytes = budget_bytes
        self._caches.trim()

    def close(self) -> None:
        """Gives the memory back. Later calls raise InferenceError."""
        self._decoder = None
        self._adapters.clear()
        self._forget()

    def _open(self) -> Decoder:
        if self._decoder is None:
            raise InferenceError("The base is not loaded.", "It was closed.", "Load it again.")
        return self._decoder

    def _reading(
        self, stack: Stack, composed: Composition, tokens: Sequence[int], strict: bool = True
    ) -> Reading:
        """What to go on from. strict: refuses tokens that leave no room for an answer."""
        decoder = self._open()
        scaling, context = context_of(stack, decoder.shape)
        if strict:
            check_prompt(composed.ahead, tokens, context)
        key = f"{stack.hash} {self._kv} {scaling}"
        text = self._caches.take(key, tokens, lambda: decoder.new_cache(self._kv, scaling))
        make_room(decoder, text, self._caches, composed.ahead + len(tokens))
        return Reading(stack, composed, text, context)

    def _task(
        self,
        question: Question,
        started_s: float,
        on_read: Callable[[int, int], None] | None = None,
    ) -> tuple[Task, AnswerText]:
        sampling = with_seed(question.sampling)
        prompt = self.prompt_ids(question.messages)
        guide = self._guides.guide(sampling.constraint)
        text = AnswerText(self._tokenizer, sampling.stop, thinks=guide is None)
        most = sampling.max_tokens
        return Task(prompt, sampling, most, self._ends, started_s, guide, on_read), text

    def _compositions(self, stacks: Sequence[Stack]) -> dict[str, Composition]:
        """By the stacks' hashes. One alone stays composed, several only while referred to."""
        by_hash = {stack.hash: stack for stack in stacks}
        if len(by_hash) == 1:
            return {key: self._compose(stack) for key, stack in by_hash.items()}
        for stack in by_hash.values():
            self._check_base(stack)
        self._threads.alone()
        decoder = self._open()
        return {key: self._adapters.compose_apart(stack, decoder) for key, stack in by_hash.items()}

    def _compose(self, stack: Stack) -> Composition:
        self._check_base(stack)
        self._threads.alone()
        return self._adapters.compose(stack, self._open())

    def _check_base(self, stack: Stack) -> None:
        base = self._description
        same = (stack.base_sha256, stack.quantization) == (base.sha256, base.quantization)
        if stack.members and not same:
            raise InferenceError(
                "These experts were composed for another base.",
                f"The base that is loaded is {base.name} in {base.quantization}.",
                "Compose them again.",
            )

    @contextmanager
    def _working(self) -> Iterator[None]:
        """No gradients; running out of memory gives up caches and experts and says so."""
        try:
            no_room = memory_told("There was no room for this answer.")
            with torch.inference_mode(), self._threads.restored(), no_room:
                yield
        except OutOfMemoryError as error:
            remedy = what_to_drop(self._adapters.resident()) or error.remedy
            self._adapters.clear()
            self._forget()
            raise OutOfMemoryError(error.what, error.why, remedy) from error.__cause__

    def _forget(self) -> None:
        self._caches.clear()
        give_back()
