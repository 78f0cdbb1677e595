select alive, granted, tokens, again_released, again, news
from concord.lock_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
