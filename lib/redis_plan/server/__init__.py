"""A live server: which build it is, what it can do, and whether it is ours to break or the user's to protect."""
