-- title: What was told of a host of sampled mail traffic
-- doc: Its features and what it most likely is, as told from time to time, the newest first; hours are those of the week in the
--      zone of its country or AS, from Monday 0 h.
SELECT told_at, day, window_days, source_ip, prefix, announced, coalesce(gateway_as, asn) AS asn,
       CASE WHEN gateway_as IS NULL OR gateway_as = asn THEN as_name END AS as_name, country, role, class, likeliest,
       probability, evidence, samples, packets, syn, established, full, accepted, reset, replies, server_samples,
       server_packets, server_syn, server_established, server_accepted, server_reset, server_replies, destinations,
       destination_networks, exact, clients, unanswered, refused, systems, neighbours, first_seen, is_new, active_days,
       zone, client_week, server_week
FROM traffic_verdicts
WHERE source_ip = $ip AND told_at >= $from AND told_at < $until
ORDER BY told_at DESC, day DESC
LIMIT {rows}
