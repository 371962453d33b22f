"""The official client, which refuses every answer that its types do not know."""

from openai import OpenAI

from tests.e2e.conftest import KEY, Api


def sdk(api: Api, key: str = KEY) -> OpenAI:
    """A client of this gateway that asks once."""
    return OpenAI(
        base_url=f"{api.url}/v1", api_key=key, max_retries=0, _strict_response_validation=True
    )
