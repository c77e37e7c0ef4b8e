"""Settings, credentials and snapshots: what a sidecar runs on."""
