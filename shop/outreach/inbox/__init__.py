"""What single members are told: the inbox, leave to send messages, and the way to a platform."""
