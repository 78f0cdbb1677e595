select key from concord.cursor_key
