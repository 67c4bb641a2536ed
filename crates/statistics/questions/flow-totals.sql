-- title: Sampled mail traffic in all
-- doc: Sampled packets of port 25, each counted at its client: what clients sent and what came back. Addresses are told apart
--      by what they did: asked only, answered only, both, or neither.
SELECT count(*) FILTER (WHERE asked AND NOT answered) AS clients,
       count(*) FILTER (WHERE answered AND NOT asked) AS servers,
       count(*) FILTER (WHERE asked AND answered) AS both,
       count(*) FILTER (WHERE NOT asked AND NOT answered) AS neither,
       count(DISTINCT asn) AS ases, sum(samples) AS samples, sum(packets) AS packets, sum(syn) AS syn,
       sum(accepted) AS accepted, sum(reset) AS reset, sum(established) AS established, sum(full) AS full,
       sum(replies) AS replies
FROM hosts
