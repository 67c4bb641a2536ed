-- title: Quarters of an hour with a sign of life
-- doc: A quarter in which no sensor told anything is a gap, not a zero.
SELECT date_bin(INTERVAL '15 minutes', at) AS quarter, count(DISTINCT sensor) AS sensors
FROM heartbeats
WHERE at >= $from AND at < $until {filter}
GROUP BY 1
ORDER BY 1
