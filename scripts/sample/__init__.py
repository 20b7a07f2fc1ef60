"""The parts of the sample data generator: a shop's plan, its visits, its faults and its truths."""
