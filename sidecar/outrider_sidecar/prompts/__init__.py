"""Prompts: who is dealt which version, and what it makes of a request."""
