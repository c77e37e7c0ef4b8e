"""Calls to providers: addresses, credentials, attempts, relays."""
