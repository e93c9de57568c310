"""auto: one detector for every series, which combines several kinds of evidence.

For each value (`value`) a distance from normal is measured in several ways:
    spike    from the forecast of an autoregression of its last values (`autoregression`)
    level    from its level
    season   from the usual value of the hour of the day, or of the week (`season`)
    shift    of a mean of some values, drift of a mean of many
    burst    of the forecast errors, calm where they shrink (`gauge`)
    stuck    equal values in a row (`stuck`)
    reset    of a counter, whose increments are modelled (`counter`)
and for the event as a whole (`entity`): the neighbours among earlier events (`neighbours`), each
value against the others (`correlation`), and the pace at which events come.

What recurs at equal intervals is expected when it is due (`schedule`). Large errors count less in
the `hours` in which they recur. A `run` of values on one side of the
usual range distinguishes a shift from a spike, and `naming` gives the event its kind.

A `tail` turns each distance into a p-value, which extrapolates beyond the largest distance seen.
`evidence` names the kinds and combines their p-values by a rule that is valid under any dependence.
The p-values decide what is published. The score ranks events (`ranking`): it sums current and
recent evidence, the size of recent errors, and the distance of the course of the last values from
earlier courses (`shape`).
"""
