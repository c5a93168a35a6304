"""Many pictures -> embeddings, in threads, in memory or in a store."""
