"""Artefacts: what a keyspace is delivered as, beside the plan: files that load, compile and run."""
