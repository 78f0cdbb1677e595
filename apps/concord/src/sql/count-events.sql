-- How much there is to look at.
select count(*) as events, count(distinct tenant_id) as tenants from concord.events where $1::text is null or tenant_id = $1
