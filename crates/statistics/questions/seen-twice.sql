-- title: Addresses that more than one instrument saw
-- doc: Each with the instant of the first sight of each instrument, those seen by most first, then the newest.
SELECT *, count(*) OVER () AS total
FROM seen
WHERE (decoys_at IS NULL)::INT + (logs_at IS NULL)::INT + (traffic_at IS NULL)::INT < 2
ORDER BY (decoys_at IS NULL)::INT + (logs_at IS NULL)::INT + (traffic_at IS NULL)::INT,
         coalesce(traffic_at, logs_at, decoys_at) DESC, address
LIMIT {rows}
