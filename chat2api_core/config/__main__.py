"""``python -m chat2api_core.config`` prints the table of settings, as docs/settings.md holds it."""

import sys

from chat2api_core.config.document import markdown

sys.stdout.write(markdown())
