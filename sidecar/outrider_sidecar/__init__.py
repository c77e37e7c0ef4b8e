"""The proxy that rides beside an application and carries its LLM calls."""

__version__ = "0.1.0"
