"""The WKV-6 recurrence of RWKV-6 "Finch", and of RWKV-5 "Eagle", over packed segments."""
