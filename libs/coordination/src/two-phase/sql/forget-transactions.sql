select concord.forget_transactions($1)
