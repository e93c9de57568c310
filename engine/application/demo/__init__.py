"""The demonstration: a simulated fleet with known faults, and the verdict on what was found."""
