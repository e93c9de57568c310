"""The demonstration: a simulated fleet with known faults, and the evaluation of what was found."""
