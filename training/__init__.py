"""Learning: from corpora, authored examples and verdicts to a release that the service loads."""
