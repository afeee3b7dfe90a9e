"""Incidents in Elasticsearch: one document an incident, searchable in Kibana.

Reading order::

    documents   incident ↔ document, and where it lies      (pure)
    mappings    what the server must know of the fields      (pure)
    templates   component and index templates, the policy    (pure)
    difference  what is there, and what should be            (pure)
    access      settings → client; the server's refusals as one line with what to do
    bulk        documents → server: bounded, split, repeated until acknowledged
    store       the interface that every store has
    ensure      templates → server; touches nothing that is not ours

What is asked of the server exists in client and server 8.19 and 9, also on serverless; nothing asks
for ``GET /``, which a proxy may well keep from us.
"""
