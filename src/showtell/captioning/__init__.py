"""Pictures or embeddings -> captions."""
