"""Live control: an ordered log of records that a running pipeline applies."""
