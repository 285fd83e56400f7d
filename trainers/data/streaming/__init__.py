"""Images that aren't kept in memory: read from a cache on disk, or from their files, ahead of the step."""
