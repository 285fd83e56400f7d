"""Binary layers and the searchable unit that switches between them."""
