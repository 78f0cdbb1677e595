select * from concord.feed_holders()
