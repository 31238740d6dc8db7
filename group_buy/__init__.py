"""Group-buy 拼团: members fill a group's seats by its deadline, or all get their money back."""
