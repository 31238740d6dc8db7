"""Order sheets 接龙: a leader sells from the shared catalogue 帮卖 to a chat group of their own."""
