"""What all targets that hold a detector as a graph of operators have in common, whatever runs the graph."""
