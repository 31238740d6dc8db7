"""The claim lane: a door for claims alone, on an event loop, that answers as Flask does."""
