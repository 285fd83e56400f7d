"""VisDrone-DET."""
