"""The worker: what our side must tell PagerDuty."""
