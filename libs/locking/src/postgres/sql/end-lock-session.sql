select kind, session, owner, tenant, stream, mode, token::text from concord.end_lock_session($1)
