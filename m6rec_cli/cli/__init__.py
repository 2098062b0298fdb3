"""Floor 5: one thin file a command."""
