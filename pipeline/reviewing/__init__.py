"""What people decide about codes, on the screen or in Excel, and how far they agree."""
