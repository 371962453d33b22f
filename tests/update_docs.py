"""Write the tables that the code prints into docs/: ``python -m tests.update_docs``."""

import subprocess
import sys
from pathlib import Path

from chat2api_core.dialects.audio import parameters as audio
from chat2api_core.dialects.chat_completions import parameters as chat_completions
from chat2api_core.dialects.images import parameters as images
from chat2api_core.dialects.parameters import table
from chat2api_core.dialects.responses import parameters as responses

DOCS = Path(__file__).parent.parent / "docs"


def blocks() -> dict[str, tuple[str, str]]:
    """What stands between the markers of each name: the page, and the text."""
    command = [sys.executable, "-m", "chat2api_core.config"]
    settings = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {
        "settings": ("settings.md", settings),
        "chat-parameters": ("parameters.md", table(chat_completions.PARAMETERS)),
        "responses-parameters": ("parameters.md", table(responses.PARAMETERS)),
        "images-parameters": ("parameters.md", table(images.PARAMETERS)),
        "audio-parameters": ("parameters.md", audio.markdown()),
    }


def main() -> None:
    """Replace what stands between the markers of each block."""
    for name, (file, shown) in blocks().items():
        page = DOCS / file
        text = page.read_text()
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, begun, rest = text.partition(start)
        _, ended, after = rest.partition(end)
        assert begun, f"{file} has no {start}"
        assert ended, f"{file} has no {end}"
        page.write_text(f"{before}{start}\n{shown.strip()}\n{end}{after}")


if __name__ == "__main__":
    main()
