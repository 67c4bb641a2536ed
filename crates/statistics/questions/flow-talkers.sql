-- title: Hosts of five minutes of sampled mail traffic
-- doc: Those with most samples as clients of others, then as servers, each with what was told of it last in the days before; of
--      one without a likeliest class nothing was told.
WITH talkers AS (
    SELECT source_ip, max(coalesce(gateway_as, asn)) AS asn,
           max(CASE WHEN gateway_as IS NULL OR gateway_as = asn THEN as_name END) AS as_name, max(country) AS country,
           sum(samples) AS samples, sum(packets) AS packets, sum(syn) AS syn, sum(established) AS established,
           sum(accepted) AS accepted, sum(reset) AS reset, sum(server_samples) AS server_samples
    FROM traffic_hosts
    WHERE at >= $from AND at < $until
    GROUP BY source_ip
    ORDER BY samples DESC, server_samples DESC, source_ip
    LIMIT {rows}
), told AS (
    SELECT source_ip, class, likeliest, probability,
           row_number() OVER (PARTITION BY source_ip ORDER BY told_at DESC, day DESC) AS place
    FROM traffic_verdicts
    WHERE told_at >= $since AND told_at < $asked AND source_ip IN (SELECT source_ip FROM talkers)
)
SELECT talkers.*, class, likeliest, probability
FROM talkers LEFT JOIN told ON told.source_ip = talkers.source_ip AND place = 1
ORDER BY samples DESC, server_samples DESC, talkers.source_ip
