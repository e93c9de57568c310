"""auto: one detector for every series, made of evidence that is read piece by piece.

For each value (`value`) a distance from normal is measured in several ways:
    spike    from the forecast of an autoregression of its last values (`autoregression`)
    level    from its level
    season   from what the hour of the day, or of the week, brings (`season`)
    shift    of a mean of some values, drift of a mean of many
    burst    of the forecast errors, calm where they shrink (`gauge`)
    stuck    equal values in a row (`stuck`)
    reset    of a counter, which is seen by its increments (`counter`)
and for the event as a whole (`entity`): the neighbours among earlier events (`neighbours`), each
value against the others (`correlation`), and the pace at which events come.

Large errors count less in the `hours` in which they recur; a `run` of values on one side of the
usual range tells a shift from a spike, by which `naming` gives the event its kind.

A `tail` turns each distance into a p-value that goes on falling beyond what was seen; `evidence`
names the kinds and combines the p-values by a rule that is valid whatever their dependence. They
decide what is sent. The score ranks events (`ranking`): it sums the evidence now and lately, how
large the last errors are, and how far the last values' course lies from earlier ones (`shape`).
"""
