"""From resources to snapshots: pure and deterministic."""
