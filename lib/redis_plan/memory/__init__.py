"""Memory: what a key costs, computed from the server's real layout before any data exists."""
