"""The rules by which a step trains a supernet, one a file; see `table`."""
