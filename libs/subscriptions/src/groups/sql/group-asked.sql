-- What operators have asked for since, and what has become due: streams to go on with, parked events to replay.
select slice, tenant_id, stream_name, null::uuid as event_id from concord.waiting_streams
where group_name = $1 and slice = any ($2::integer[]) and retry_at <= clock_timestamp()
union all
select slice, tenant_id, stream_name, event_id from concord.parked_events
where group_name = $1 and slice = any ($2::integer[]) and replay_asked_at is not null
