"""Evidence: records of what was measured, where each came from, and the decisions that rest on them."""
