"""A function of Lambda: as many processes as it needs, each with a Runtime API of its own."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from tests.deploy.runtime_api import Invocation, Part, RuntimeApi

_INIT = 20.0  # seconds that a process may take to ask for its first event


class InitError(Exception):
    """The function cannot be started."""


class LambdaFunction:
    """``async with`` it. ``command`` starts a runtime in ``task_root``, as Lambda does."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        task_root: Path,
        environment: Mapping[str, str],
        seconds: float = 60.0,
    ) -> None:
        self.processes: list[asyncio.subprocess.Process] = []
        self._command = command
        self._task_root = task_root
        self._environment = environment
        self._seconds = seconds
        self._idle: list[RuntimeApi] = []
        self._watchers: set[asyncio.Task[None]] = set()
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "LambdaFunction":
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self.processes:
            await asyncio.wait_for(process.wait(), 10)
        for watcher in self._watchers:
            watcher.cancel()
        await self._stack.aclose()

    async def invoke(self, event: bytes) -> AsyncIterator[Part]:
        """Hand an event to an idle process, or to a new one. Raises ``InitError``."""
        api = self._idle.pop() if self._idle else await self._start()
        invocation: Invocation = api.invoke(event, seconds=self._seconds)
        try:
            async for part in invocation.until_the_end():
                yield part
        finally:
            watcher = asyncio.create_task(self._take_back(api))
            self._watchers.add(watcher)
            watcher.add_done_callback(self._watchers.discard)

    async def _take_back(self, api: RuntimeApi) -> None:
        await api.idle.wait()
        self._idle.append(api)

    async def _start(self) -> RuntimeApi:
        api = await self._stack.enter_async_context(RuntimeApi())
        root = str(self._task_root)
        # What Lambda gives to every runtime, and no more: nothing of this machine leaks in.
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "chat2api",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": root,
            **self._environment,
        }
        process = await asyncio.create_subprocess_exec(*self._command, env=environment, cwd=root)
        self.processes.append(process)
        watcher = asyncio.create_task(process.wait())
        watcher.add_done_callback(lambda _: api.crashed())
        await asyncio.wait_for(api.ready.wait(), _INIT)
        if api.init_error is not None or process.returncode is not None:
            raise InitError(api.init_error or f"status {process.returncode}")
        return api
