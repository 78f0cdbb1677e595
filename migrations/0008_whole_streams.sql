-- Appends that are decided on state in memory. What a deletion or new metadata hide of a stream does not move its end, so an
-- expected version alone would not notice them.

-- As concord.latest_end, for a stream of which nothing is or will be hidden: it has neither metadata nor a deletion. -2 else.
create function concord.whole_end(tenant text, stream text) returns bigint
  language plpgsql volatile as $$
begin
  if exists (select from concord.stream_settings s where s.tenant_id = tenant and s.stream_name = stream) then
    return -2;
  end if;
  return coalesce(
    (select max(e.stream_position) from concord.events e where e.tenant_id = tenant and e.stream_name = stream), -1);
end $$;

-- Not in SQL: a subquery within concord.meets would keep that from being inlined, which costs every append.
create function concord.is_whole(tenant text, stream text) returns boolean
  language plpgsql stable as $$
begin
  return not exists (select from concord.stream_settings s where s.tenant_id = tenant and s.stream_name = stream);
end $$;

-- As it was, and a `~` before a position (-1: there is no event) expects the stream to be whole.
create or replace function concord.meets(tenant text, stream text, expected text, actual bigint) returns boolean
  language sql stable
  return actual < concord.tombstone_position() and case
    when expected = 'any' then true
    when expected = 'no-stream' then actual = -1 or concord.is_deleted(tenant, stream, actual)
    when expected = 'stream-exists' then actual >= 0 and not concord.is_deleted(tenant, stream, actual)
    when expected like '~%' then actual = substr(expected, 2)::bigint and concord.is_whole(tenant, stream)
    else actual = expected::bigint
  end;

create or replace function concord.refuse_version(stream text, expected text, actual bigint) returns void
  language plpgsql as $$
begin
  if actual = concord.tombstone_position() then
    perform concord.refuse_deleted(stream);
  end if;
  raise exception 'stream "%" is expected to be at % but is at %', stream, expected, actual
    using errcode = 'CN001',
      detail = json_build_object('stream', stream, 'expected', ltrim(expected, '~'),
        'actual', case when expected = 'stream-exists' then -1 else actual end::text)::text;
end $$;

-- As it was, and says of each stream whether it has settings.
create or replace function concord.load_kept(tenant text, streams text[], wanted_version integer, with_forms boolean)
  returns table (stream_name text, stream_position bigint, event_type text, data json, form integer)
  language sql stable as $$
  with wanted as materialized (
    select w.stream, kept.first, w_end.last, taken.revision, taken.state
    from unnest(streams) as w (stream)
    cross join lateral (select concord.first_kept(tenant, w.stream) as first) kept
    cross join lateral (select concord.stream_end(tenant, w.stream) as last) w_end
    left join concord.snapshots taken
      on taken.tenant_id = tenant and taken.stream_name = w.stream and taken.version = wanted_version
        and taken.first_position = kept.first and taken.revision <= w_end.last
  )
  select w.stream, w.revision, '', w.state, null::integer from wanted w where w.revision is not null
  union all
  select w.stream, e.stream_position, e.event_type, e.data, concord.form_of(e.metadata, with_forms)
    from wanted w
    join concord.events e on e.tenant_id = tenant and e.stream_name = w.stream
      and e.stream_position >= coalesce(w.revision + 1, w.first)
  union all
  select w.stream, w.last, null,
    json_build_array(w.first, coalesce(w.revision + 1, w.first), concord.has_settings(tenant, array[w.stream])), null
    from wanted w
  order by 1, 2;
$$;
