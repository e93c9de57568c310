"""Redis: what several servers of one database share."""
