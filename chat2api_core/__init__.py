"""chat2api: an OpenAI-compatible API in front of ChatGPT accounts.

The version stands here, not in package metadata: deployed bundles carry no metadata.
"""

__version__ = "0.1.0"
