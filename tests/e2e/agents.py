"""An agent of openai-agents with one tool, as its users write them."""

import asyncio
from typing import Any

from tests.e2e.conftest import KEY, Api


def run_agents(
    api: Api, kind: str, streamed: bool, *, model: str = "auto"
) -> tuple[Any, list[str]]:
    """What the agent says in the end, and what its tool was asked on the way."""
    from agents import (
        Agent,
        OpenAIChatCompletionsModel,
        OpenAIResponsesModel,
        Runner,
        function_tool,
        set_tracing_disabled,
    )
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    asked: list[str] = []

    @function_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return "sunny"

    async def run() -> Any:
        async with AsyncOpenAI(base_url=f"{api.url}/v1", api_key=KEY) as client:
            make = OpenAIResponsesModel if kind == "responses" else OpenAIChatCompletionsModel
            agent = Agent(
                name="a", model=make(model=model, openai_client=client), tools=[get_weather]
            )
            if not streamed:
                return (await Runner.run(agent, "Weather in Rome?")).final_output
            result = Runner.run_streamed(agent, "Weather in Rome?")
            async for _ in result.stream_events():
                pass
            return result.final_output

    return asyncio.run(run()), asked
