"""Chapter 02: the keys, their names, and who writes and ends them."""
