"""Rules of others, as pure pruners for the backtest: not offered to a sweep."""
