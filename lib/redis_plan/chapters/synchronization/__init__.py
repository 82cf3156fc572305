"""Chapter 05: how a change reaches every client."""
