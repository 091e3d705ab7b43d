"""The two databases of a run: what the machine said of its comments, and what people did."""
