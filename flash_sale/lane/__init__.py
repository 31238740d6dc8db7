"""Claims by the thousand in one event loop: the gate asked, and the database told, in batches."""
