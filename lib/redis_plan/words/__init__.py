"""Words that several chapters and the front page share."""
