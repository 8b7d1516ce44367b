"""The leaderboard: a pure function from records to pages."""
