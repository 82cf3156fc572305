"""Training: the small weights that the reader judges by, made from an annotated corpus and examples of our own.

``python -m redis_plan.training CORPUS`` writes ``data/catalog/weights/``; the same corpus gives the same bytes. Nothing of a corpus's
text gets into the weights' files. The reader never imports this package.

A task is a module here that is named in :data:`redis_plan.training.tasks.TASKS`. It has

- ``NAME``, under which the model is saved and found again by ``learnt.model(NAME)``; ``LABELS``; ``EXCLUSIVE``;
- ``rows(project) -> Rows``: the features of a corpus project as the reader computes them, with what its gold says;
- ``own_rows() -> Rows``: the same of our own examples; a task that learns from whole documents of ours takes the names of those to leave out;
- ``STRENGTH`` (optional): how strongly large weights are held back, :data:`fitting.STRENGTH` without;
- ``THRESHOLDS`` or ``thresholds(probabilities, labels)`` (optional): from which probability on a label holds, stated or chosen on projects that
  were held out; :func:`fitting.best_thresholds` without.
"""
