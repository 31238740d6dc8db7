"""What is true whichever way a thing is sold."""
