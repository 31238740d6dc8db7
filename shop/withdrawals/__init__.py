"""Withdrawals: leaders take what is payable to them, through the platform that knows them."""
