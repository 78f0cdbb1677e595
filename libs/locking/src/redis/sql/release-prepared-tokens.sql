select tenant, stream from concord.release_prepared_tokens($1)
