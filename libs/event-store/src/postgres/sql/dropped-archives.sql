select d.file from concord.dropped_archives d
where d.tenant_id = $1 and not exists (select from concord.archives a where a.tenant_id = $1 and a.file = d.file)
