"""An auction, a project that is not the sample: its documents, and one evening of it."""
