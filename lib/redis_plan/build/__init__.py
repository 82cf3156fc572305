"""A study from start to end: the notebooks run, compared and assembled."""
