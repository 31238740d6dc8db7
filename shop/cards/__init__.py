"""Card codes: batches, the vault, reservation, delivery and reveal."""
