"""Chapter 03: which Redis structure holds each thing."""
