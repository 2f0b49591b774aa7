"""What is measured: how fast the filter is, how much memory it takes, and how it holds under load."""
