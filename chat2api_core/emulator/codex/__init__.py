"""The emulated Codex backend: the Responses API over plain HTTPS, as strict as the real one."""
