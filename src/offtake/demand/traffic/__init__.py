"""Traffic: users, requests and tokens as tokens a second in typical hours; and what a trace of requests says."""
