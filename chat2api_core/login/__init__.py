"""Signing in to ChatGPT accounts from the command line: ``python -m chat2api_core login``."""

from chat2api_core.login.command import main

__all__ = ["main"]
