-- Which of these columns of a table may be null. Of a view nothing is known.
select a.attname::text as name
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
where a.attrelid = to_regclass($1) and c.relkind in ('r', 'p') and not a.attnotnull and a.attname::text = any($2)
