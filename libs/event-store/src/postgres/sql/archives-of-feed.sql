select file, sha256, first_position from concord.archives
where tenant_id = $1 and last_position > $2 and first_position <= $3
order by first_position, archive_id
