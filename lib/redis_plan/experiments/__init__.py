"""Experiments: one module a question; each function takes a lab and returns a finding."""
