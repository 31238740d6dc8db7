"""WeCom (企业微信), simulated: group robots, customer groups and the tasks that owners confirm."""
