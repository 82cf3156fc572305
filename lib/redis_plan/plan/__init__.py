"""The plan: what the notebooks said and measured, assembled into ten sections that a team implements."""
