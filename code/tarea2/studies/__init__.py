"""The definitions of each experiment: a table of networks, their data and their recipe."""
