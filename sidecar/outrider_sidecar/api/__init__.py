"""The server: what applications talk to, from the socket to the settled request."""
