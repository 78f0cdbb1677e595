-- The events that links point at, as far as their streams show them.
select e.* from unnest($2::text[], $3::bigint[]) as target (stream, position)
join concord.events e on e.tenant_id = $1 and e.stream_name = target.stream and e.stream_position = target.position
where concord.shows($1, target.stream, target.position)
