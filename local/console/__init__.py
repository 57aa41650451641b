"""The local cloud's console: one page with the executions, the graph of one of them, and the mailbox."""
