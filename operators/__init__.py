"""The steps of the dataflow, and what runs in them."""
