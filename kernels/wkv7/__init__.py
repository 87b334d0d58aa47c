"""The WKV-7 recurrence of RWKV-7 "Goose" over packed segments."""
