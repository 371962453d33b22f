"""Every parameter of ``POST /v1/images/generations``, ``edits`` and ``variations``, and what
becomes of it: the one table."""

from chat2api_core.dialects.parameters import Parameter, refused

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("prompt", "used", "what to draw, or how to change the picture; not for variations"),
    Parameter("image", "used", "the pictures to work from, 1 to 16; also `image[]` and `images`"),
    Parameter("mask", "used", "for edits, by accounts of type codex alone"),
    Parameter("model", "used", "what draws, such as `gpt-image-2`; a model that talks lets it"),
    Parameter("n", "used", "1 to 4, side by side, each by another account where there is one"),
    Parameter("size", "used", "`auto` or such as `1536x1024`; to ChatGPT's web a wish in words"),
    Parameter("quality", "used", "`standard` and `hd` as `auto` and `high`; a wish in words, too"),
    Parameter("background", "used", "`auto`, `opaque`, `transparent`; a wish in words, too"),
    Parameter("output_format", "used", "`png`; `jpeg`, `webp` by accounts of type codex alone"),
    Parameter("output_compression", "used", "0 to 100, with `jpeg` and `webp`"),
    Parameter("response_format", "used", "`b64_json` or `url`, a link of ours that ends"),
    Parameter("stream", "used", "events with each picture; always in base64"),
    Parameter("partial_images", "used", "0 to 3; ChatGPT's web shows none"),
    Parameter("moderation", "used", "for accounts of type codex; ChatGPT's web has its own"),
    Parameter("input_fidelity", "used", "for accounts of type codex; ChatGPT's web has its own"),
    Parameter("style", "used", "`vivid` or `natural`: a wish in words"),
    Parameter("user", "ignored", "not sent to the upstream"),
    Parameter("safety_identifier", "ignored", "not sent to the upstream"),
    Parameter("complexity", "ignored", "how the model plans is left to it"),
    Parameter("frame_count", "refused", "no animations are made"),
    Parameter("frame_duration_ms", "refused", "no animations are made"),
    Parameter("svg", "refused", "no vector graphics are made"),
    Parameter("markup", "refused", "say in the prompt what to change, or use a mask"),
)

REFUSED: tuple[Parameter, ...] = refused(PARAMETERS)
