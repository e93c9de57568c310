"""An event mapping suggested from messages: which field is the key, the time, a value."""
