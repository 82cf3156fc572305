"""Chapter 07: sessions under contention, kept apart."""
