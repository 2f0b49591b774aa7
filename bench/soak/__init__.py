"""scripts/soak: what tests are too short for."""
