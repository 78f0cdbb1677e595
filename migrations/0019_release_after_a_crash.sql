-- What was prepared before a crash of the server, and is released before anybody has looked for it since.

-- As it was, but the bucket is there first. A crash has emptied the buckets, and whoever asks for a lock makes its bucket anew,
-- with what is prepared. While this deletes the prepared row, others see it still: a bucket made at that moment kept the lock of
-- an owner that was gone for good, prepared, and so never taken from it. Now one of the two makes the bucket, and the other waits
-- for it. In the order of the buckets, as all who make them.
create or replace function concord.release_prepared(of_owner uuid) returns setof concord.lock_news
  language plpgsql volatile as $$
declare
  lock record;
begin
  for lock in
    with gone as (delete from concord.prepared_locks p where p.owner = of_owner returning p.bucket, p.tenant, p.stream)
    select g.bucket, g.tenant, g.stream from gone g order by g.bucket
  loop
    perform from concord.lock_buckets b where b.bucket = lock.bucket for update;
    if not found then
      perform concord.make_lock_bucket(lock.bucket);
      perform from concord.lock_buckets b where b.bucket = lock.bucket for update;
    end if;
    update concord.lock_buckets b set holds = array(
        select h from unnest(b.holds) h
        where (h.tenant, h.stream, h.owner) is distinct from (lock.tenant, lock.stream, of_owner))
      where b.bucket = lock.bucket;
    return query select * from concord.settle_lock(lock.bucket, lock.tenant, lock.stream);
  end loop;
end $$;
