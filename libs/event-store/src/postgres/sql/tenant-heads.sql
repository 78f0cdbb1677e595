select tenant_id, head from concord.tenant_heads($1)
