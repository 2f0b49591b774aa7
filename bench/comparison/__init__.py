"""scripts/bench: this filter beside its alternatives."""
