-- Some at a time: whoever writes to this table should not have to wait.
delete from concord.prepared_transactions p
using (
  select s.participant, s.transaction_id from concord.prepared_transactions s
  where s.state <> 'prepared' and s.settled_at < clock_timestamp() - $1 * interval '1 ms'
  order by s.settled_at
  limit 10000
  for update skip locked
) old
where p.participant = old.participant and p.transaction_id = old.transaction_id
