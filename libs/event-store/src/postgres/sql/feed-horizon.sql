select concord.feed_horizon() as horizon
