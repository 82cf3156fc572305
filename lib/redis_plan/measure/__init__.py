"""Measuring: the harness that every experiment uses, and the finding it returns."""
