"""Chapter 04: what ends, when, and what is left then."""
