"""Coding comments with a model: codes, reasons, doubts, and the order in which to read them."""
