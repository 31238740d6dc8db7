"""A flash sale of the evening: thousands of members, few units, and Redis lost in the middle."""
