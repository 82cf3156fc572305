"""What each notebook finds out: its experiments, and the words that tell their result."""
