"""An export of a survey platform: its layout, its columns, its responses and comments."""
