"""`make demo`: the whole way on a local cloud, from two dropped files to the animation and the email."""
