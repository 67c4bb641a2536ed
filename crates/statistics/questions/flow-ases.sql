-- title: AS numbers by the hosts of sampled mail traffic
-- doc: Clients asked only, servers answered only, both did both. Samples are those of its hosts as clients of others.
SELECT asn, max(as_name) AS as_name, max(country) AS country,
       count(*) FILTER (WHERE asked AND NOT answered) AS clients,
       count(*) FILTER (WHERE answered AND NOT asked) AS servers,
       count(*) FILTER (WHERE asked AND answered) AS both,
       sum(samples) AS samples, sum(packets) AS packets, sum(syn) AS syn, sum(accepted) AS accepted,
       sum(server_samples) AS server_samples
FROM hosts
GROUP BY asn
ORDER BY {order} DESC, clients DESC, asn NULLS LAST
LIMIT {rows}
