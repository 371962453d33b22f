"""Counts the tokens of a turn without holding up the event loop."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from chat2api_core.transcript import Transcript
from chat2api_core.turn import Prompt, Usage

if TYPE_CHECKING:  # counting begins when the answer is there: its first word does not wait for it
    from chat2api_core.usage import Counter, EstimateCounter

_QUICK = 20_000  # code points that are counted faster than a thread is reached


class Meter:
    """``exact`` takes the tokenizer, where it is installed. Loading it takes half a second and
    90 MB; until then limits are kept by the estimate, and usage waits."""

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self._counter: Counter | None = None
        self._loading: Future[Counter] | None = None

    def warm(self) -> None:
        """Begin to load the tokenizer, so that the first answer need not wait for it."""
        if self._exact and self._counter is None and self._loading is None:
            from chat2api_core.usage import load_counter  # noqa: PLC0415 (see above)

            loader = ThreadPoolExecutor(1, "tokenizer")
            self._loading = loader.submit(load_counter)
            loader.shutdown(wait=False)

    def count(self, text: str) -> int:
        """The tokens of a text, by the best counter at hand."""
        return (self._counter or self._estimate).count(text)

    async def usage(self, prompt: Prompt, transcript: Transcript) -> Usage:
        """What a turn used."""
        from chat2api_core.usage import usage_of  # noqa: PLC0415 (see above)

        counter = self._counter or await self._load()
        size = sum(len(message.text) for message in prompt.messages) + len(transcript.text)
        if size < _QUICK:
            return usage_of(prompt, transcript, counter)
        return await asyncio.to_thread(usage_of, prompt, transcript, counter)

    @cached_property
    def _estimate(self) -> "EstimateCounter":
        from chat2api_core.usage import EstimateCounter  # noqa: PLC0415 (see above)

        return EstimateCounter()

    async def _load(self) -> "Counter":
        if not self._exact:
            return self._estimate
        self.warm()
        assert self._loading is not None
        self._counter = await asyncio.wrap_future(self._loading)
        return self._counter
