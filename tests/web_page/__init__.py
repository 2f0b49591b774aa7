"""MLflow's page in a real browser with every default scope: what is on it, what it asks for, and what it shows."""
