"""Names of models that make pictures, and of sizes. Clients say the models where ChatGPT wants the
name of a model that talks: whoever asks ChatGPT turns them into that.

In: the name of a model, without a prefix. Out: whether it is one of these.
"""

# What is meant where a client names none.
PAINTER = "gpt-image-2"
# How a size is said: as a regular expression.
SIZE = r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$"
_PAINTERS = ("gpt-image", "chatgpt-image", "dall-e")


def is_painter(model: str) -> bool:
    """Whether the name is that of a model that makes pictures."""
    return model.startswith(_PAINTERS)
