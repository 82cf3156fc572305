"""Facts by reconciliation: what each number of the documents claims, and one consistent set made of all claims."""
