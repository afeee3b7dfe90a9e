"""What other collectors have put on topics → our observation topics: the role ``adapt``."""
