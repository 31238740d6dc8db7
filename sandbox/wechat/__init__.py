"""The WeChat mini-program server API, simulated: tokens, login, phone, order shipping."""
