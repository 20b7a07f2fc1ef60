"""One module, one check or a few of a kind; the registry finds them."""
