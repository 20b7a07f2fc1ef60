"""One module, one analysis; the registry finds them."""
