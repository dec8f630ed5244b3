"""Components of our own: each a gr.HTML beside its script and its style."""
