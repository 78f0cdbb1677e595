-- Takes a file out of the manifest, and notes that it is to be deleted.
with streams as (
  delete from concord.archived_streams where tenant_id = $1 and archive_id = $2
), archive as (
  delete from concord.archives where tenant_id = $1 and archive_id = $2 returning tenant_id, file
)
insert into concord.dropped_archives (tenant_id, file) select tenant_id, file from archive
on conflict do nothing
