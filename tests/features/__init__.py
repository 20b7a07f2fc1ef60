"""Features: tables of people, items and what people do with them."""
