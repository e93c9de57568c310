"""auto: one configuration for every series, made of evidences that are read one by one.

For one value (`single`) these ask of each event:
    reach    does it lie beyond all that was seen?
    rarity   how rarely do such values come, now and of late?
    season   how far is it from what this hour of the week brings, or this place in its cycle?
    shape    have the last values ever run like this?
    still    how many moves are missing?
For several values (`joint`) reach is that of the farthest, and the distance to a sample of earlier
events takes the place of the rest. `ranks` turns each answer into how rare it is for this entity;
the score is the sum, in decimal powers.

The calibrator is `told` how often noise reaches a score: by a `curve` of what noise of any kind
reaches after as many events, and by what the bulk of the values says of its kind: how heavy the
`tails` are and how many, how often values turn (`turns`) and tie (`still`); of several values how
heavy their tails are, and whether they go together (`bulk`).
"""
