"""Golden cases: fixed inputs with the true outputs and gradients, for implementations in any language."""
