"""Receiving PagerDuty's webhooks: route → authenticate → parse → record → ingest.

The status codes follow PagerDuty's retry rules (PagerDuty: Webhooks overview): a 4xx other than 429 is final and, three
times in a row, switches the customer's subscription off. So 4xx answers only what no retry could cure, 503 and 429
whatever one can, and 202 everything that was understood, the ignored included.
"""
