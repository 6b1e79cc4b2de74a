"""What Keras has no common way to: differentiation, tracing and precision, a backend a module."""
