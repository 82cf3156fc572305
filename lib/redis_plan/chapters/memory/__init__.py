"""Chapter 06: what a session costs in bytes."""
