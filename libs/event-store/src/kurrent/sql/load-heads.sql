select tenant_id, position from concord.checkpoints where subscription = 'kurrent:heads'
