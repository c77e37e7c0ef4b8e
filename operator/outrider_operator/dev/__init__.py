"""Local mode: the same compiler and the same proxy, without a cluster."""
