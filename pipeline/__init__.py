"""Turns the free-text answers of a public consultation into coded comments and frequency tables."""

__version__ = "0.1.0"
