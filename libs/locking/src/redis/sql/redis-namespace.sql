select namespace, life::text, (select oid::text from pg_database where datname = current_database()) as database
from concord.redis_lock_life
