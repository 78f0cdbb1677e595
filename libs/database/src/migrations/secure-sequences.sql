-- A sequence writes to the log ahead of what it has given out, 32 values at a time. CREATE DATABASE .. TEMPLATE copies a sequence
-- in the middle of that, and the copy relies on a log record that the other database has: a crash of the server then takes it
-- back by up to 32 values (PostgreSQL 15 to 18). Committed events would be hidden from the feed, positions and fencing tokens
-- given out twice. So each sequence of a database that was copied begins anew where it is. Nobody draws from it meanwhile.
do $$
declare
  sequence regclass;
begin
  if exists (select from concord.this_database t join pg_database d on d.oid = t.id where d.datname = current_database()) then
    return;
  end if;
  for sequence in
    select c.oid::regclass from pg_class c where c.relnamespace = 'concord'::regnamespace and c.relkind = 'S' order by 1
  loop
    execute format('alter sequence %s increment 1', sequence);
  end loop;
  delete from concord.this_database;
  insert into concord.this_database select d.oid from pg_database d where d.datname = current_database();
end $$;
