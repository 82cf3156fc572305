"""Chapter 08: what is lost when something dies, and how long until it is right again."""
