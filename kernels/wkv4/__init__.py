"""The WKV-4 recurrence of RWKV-4 over packed segments."""
