select kind, session, owner, tenant, stream, mode, token::text from concord.release_prepared($1)
