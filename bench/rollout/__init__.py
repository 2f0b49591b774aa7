"""scripts/rollout: a rollout under load."""
