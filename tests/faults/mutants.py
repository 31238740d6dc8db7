"""What a mutant is: the house with one thought left out, and the test that must then fail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """What is left out where, and the test that must notice."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    test: str
    only: str
    is_quick: bool = False
    also: tuple[tuple[str, str, str], ...] = ()  # changes in other files
