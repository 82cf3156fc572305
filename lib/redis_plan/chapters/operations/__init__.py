"""Chapter 09: what is configured and what is watched."""
