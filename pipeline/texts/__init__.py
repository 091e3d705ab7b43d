"""The words of a comment: cleaned, told by language, personal data found in them, near copies grouped."""
