-- title: Hosts of sampled mail traffic
-- doc: The sums of each host over the window, with its AS (by the exporter's routes, else by the tables). It asked when it sent
--      requests to a port 25, or spoke in a connection there, or was spoken to in one; it answered when it accepted
--      connections on its own port 25, or spoke in one. Packets are those that stand behind the samples, by the rate of each.
WITH names AS (
    SELECT asn, max(as_name) AS as_name, max(country) AS country
    FROM traffic_ases
    WHERE at >= $from AND at < $until AND asn IS NOT NULL
    GROUP BY asn
), sums AS (
    SELECT source_ip, max(coalesce(gateway_as, asn)) AS asn, sum(samples) AS samples, sum(packets) AS packets,
           sum(syn) AS syn, sum(established) AS established, sum(full) AS full, sum(accepted) AS accepted,
           sum(reset) AS reset, sum(replies) AS replies, sum(server_samples) AS server_samples,
           sum(server_accepted) AS server_accepted, sum(server_replies) AS server_replies
    FROM traffic_hosts
    WHERE at >= $from AND at < $until
    GROUP BY source_ip
)
SELECT sums.*, as_name, country, syn + established + replies > 0 AS asked, server_accepted + server_replies > 0 AS answered
FROM sums LEFT JOIN names ON names.asn = sums.asn
