"""Binary cross-entropy, right in every digit and every derivative, in JAX."""
