select concord.begin_redis_life($1)::text as life
