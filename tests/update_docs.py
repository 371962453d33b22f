"""Write the tables that the code prints into docs/: ``python -m tests.update_docs``."""

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
BLOCKS = {
    "settings": ("settings.md", "chat2api_core.config"),
    "chat-parameters": ("parameters.md", "chat2api_core.dialects.chat_completions.parameters"),
    "responses-parameters": ("parameters.md", "chat2api_core.dialects.responses.parameters"),
    "images-parameters": ("parameters.md", "chat2api_core.dialects.images.parameters"),
}


def main() -> None:
    """Replace what stands between the markers of each block."""
    for name, (file, module) in BLOCKS.items():
        page = DOCS / file
        text = page.read_text()
        command = [sys.executable, "-m", module]
        table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, begun, rest = text.partition(start)
        _, ended, after = rest.partition(end)
        assert begun, f"{file} has no {start}"
        assert ended, f"{file} has no {end}"
        page.write_text(f"{before}{start}\n{table.strip()}\n{end}{after}")


if __name__ == "__main__":
    main()
