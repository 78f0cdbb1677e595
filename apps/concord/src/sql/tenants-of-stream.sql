-- Which of these tenants have this stream.
select tenant from unnest($1::text[]) as tenant
where exists (select from concord.events where tenant_id = tenant and stream_name = $2)
