-- title: The first sample of a host
-- doc: When samples show it as a client first, in the time in which decoys and logs are asked for it too.
SELECT min(at) AS first_at
FROM traffic_hosts
WHERE source_ip = $ip AND samples > 0 AND at >= $from AND at < $until
