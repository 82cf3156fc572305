"""Playing: actions on a live server, each accepted, refused by each of its guards, sent again, raced, and at its deadline."""
