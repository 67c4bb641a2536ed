-- title: Samples of a host over time
-- doc: A row for each part of the window in which any agent was heard. A part without a row is one of which nothing is known.
WITH heard AS (
    SELECT DISTINCT date_bin(INTERVAL '{bin}', at) AS start
    FROM traffic_coverage
    WHERE at >= $from AND at < $until AND agent IS NOT NULL
), sums AS (
    SELECT date_bin(INTERVAL '{bin}', at) AS start, sum(samples) AS samples, sum(packets) AS packets, sum(syn) AS syn,
           sum(established) AS established, sum(full) AS full, sum(accepted) AS accepted, sum(reset) AS reset,
           sum(replies) AS replies, sum(server_samples) AS server_samples, sum(server_packets) AS server_packets
    FROM traffic_hosts
    WHERE source_ip = $ip AND at >= $from AND at < $until
    GROUP BY 1
)
SELECT coalesce(heard.start, sums.start) AS start, samples, packets, syn, established, full, accepted, reset, replies,
       server_samples, server_packets
FROM heard FULL JOIN sums ON sums.start = heard.start
ORDER BY 1
