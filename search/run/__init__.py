"""What a run keeps on disk: its folder, its lock, its start, digests of its files, its training log."""
