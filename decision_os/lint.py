"""TEMPORARY: the lint engineer replaces this."""
def check(book):
    return ()
