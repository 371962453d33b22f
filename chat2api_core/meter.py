"""Counts the tokens of a turn without holding up the event loop."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

from chat2api_core.transcript import Transcript
from chat2api_core.turn import Prompt, Usage
from chat2api_core.usage import Counter, EstimateCounter, load_counter, usage_of

_QUICK = 20_000  # code points that are counted faster than a thread is reached


class Meter:
    """``exact`` takes the tokenizer, where it is installed. Loading it takes half a second and
    90 MB; until then limits are kept by the estimate, and usage waits."""

    def __init__(self, *, exact: bool) -> None:
        self._counter: Counter | None = None if exact else EstimateCounter()
        self._estimate = EstimateCounter()
        self._loading: Future[Counter] | None = None

    def warm(self) -> None:
        """Begin to load the tokenizer, so that the first answer need not wait for it."""
        if self._counter is None and self._loading is None:
            loader = ThreadPoolExecutor(1, "tokenizer")
            self._loading = loader.submit(load_counter)
            loader.shutdown(wait=False)

    def count(self, text: str) -> int:
        """The tokens of a text, by the best counter at hand."""
        return (self._counter or self._estimate).count(text)

    async def usage(self, prompt: Prompt, transcript: Transcript) -> Usage:
        """What a turn used."""
        counter = self._counter or await self._load()
        size = sum(len(message.text) for message in prompt.messages) + len(transcript.text)
        if size < _QUICK:
            return usage_of(prompt, transcript, counter)
        return await asyncio.to_thread(usage_of, prompt, transcript, counter)

    async def _load(self) -> Counter:
        self.warm()
        assert self._loading is not None
        self._counter = await asyncio.wrap_future(self._loading)
        return self._counter
