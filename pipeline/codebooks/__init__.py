"""Codebooks edited, and exchanged with other programs."""
