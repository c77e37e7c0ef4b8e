"""The dialects as bytes, and the server that speaks them."""
