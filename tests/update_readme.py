"""Write the tables that the code prints into README.md: ``python -m tests.update_readme``."""

import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BLOCKS = {
    "settings": "chat2api_core.config",
    "chat-parameters": "chat2api_core.dialects.chat_completions.parameters",
    "responses-parameters": "chat2api_core.dialects.responses.parameters",
}


def main() -> None:
    """Replace what stands between the markers of each block."""
    text = README.read_text()
    for name, module in BLOCKS.items():
        command = [sys.executable, "-m", module]
        table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, begun, rest = text.partition(start)
        _, ended, after = rest.partition(end)
        assert begun, f"README.md has no {start}"
        assert ended, f"README.md has no {end}"
        text = f"{before}{start}\n{table.strip()}\n{end}{after}"
    README.write_text(text)


if __name__ == "__main__":
    main()
