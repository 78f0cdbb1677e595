select at, horizon, drawn, hidden_since from concord.feed_lag()
