"""Tables of how many said what, corrected, protected, and what can safely be said of them."""
