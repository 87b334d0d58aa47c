"""What WKV-7 is fed: decay, key, value, removal key and rate, from what the projections gave."""
