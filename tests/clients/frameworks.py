"""Frameworks for Python, each with a plain answer, a tool and a form. Runs in an environment of its
own (see requirements.txt); prints one JSON object with what each made of the gateway's answers."""

import asyncio
import json
import os
import sys
from typing import Any

BASE_URL, API_KEY = os.environ["BASE_URL"], os.environ["API_KEY"]
WEATHER, MOON = "Weather in Rome?", "A moon as JSON"


def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: its name
    """
    return f"sunny in {city}"


def pydantic_ai() -> dict[str, Any]:
    """Both APIs; forms by a tool and by a schema."""
    from pydantic import BaseModel
    from pydantic_ai import Agent, NativeOutput, models
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    class Moon(BaseModel):
        name: str
        radius: float

    provider = OpenAIProvider(base_url=BASE_URL, api_key=API_KEY)

    async def ask(model: models.Model) -> dict[str, Any]:
        async with Agent(model).run_stream("Hello") as run:
            streamed = [piece async for piece in run.stream_text(delta=True, debounce_by=None)]
        tooled = await Agent(model, tools=[get_weather]).run(WEATHER)
        shaped = await Agent(model, output_type=NativeOutput(Moon)).run(MOON)
        by_tool = await Agent(model, output_type=Moon).run(MOON)
        return {
            "streamed": "".join(streamed),
            "tool": tooled.output,
            "shaped": shaped.output.model_dump(),
            "shaped by a tool": by_tool.output.model_dump(),
        }

    async def both() -> dict[str, Any]:
        return {
            "chat": await ask(OpenAIChatModel("auto", provider=provider)),
            "responses": await ask(OpenAIResponsesModel("auto", provider=provider)),
        }

    return asyncio.run(both())


def haystack() -> dict[str, Any]:
    """An agent, whole and streamed."""
    from haystack.components.agents import Agent
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.dataclasses import ChatMessage
    from haystack.tools import create_tool_from_function
    from haystack.utils import Secret

    key = Secret.from_token(API_KEY)
    tool = create_tool_from_function(get_weather)
    said = {}
    for name, callback in (("whole", None), ("streamed", lambda _: None)):
        model = OpenAIChatGenerator(key, "auto", api_base_url=BASE_URL, streaming_callback=callback)
        agent = Agent(chat_generator=model, tools=[tool])
        said[name] = agent.run(messages=[ChatMessage.from_user(WEATHER)])["last_message"].text
    return said


def smolagents() -> dict[str, Any]:
    """Forced calls, stop sequences, and a history that tells calls in words."""
    from smolagents import OpenAIServerModel, ToolCallingAgent, tool

    model = OpenAIServerModel("auto", api_base=BASE_URL, api_key=API_KEY)
    agent = ToolCallingAgent([tool(get_weather)], model, max_steps=3, verbosity_level=0)
    return {"tool": agent.run(WEATHER)}


if __name__ == "__main__":
    made = {each.__name__: each() for each in (pydantic_ai, haystack, smolagents)}
    sys.stdout.write(json.dumps(made))
