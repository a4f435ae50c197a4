"""What stands before the app: connections, admission, the guard."""
