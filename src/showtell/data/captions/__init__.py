"""Caption files -> captions by picture."""
