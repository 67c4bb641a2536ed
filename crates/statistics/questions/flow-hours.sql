-- title: Sampled mail traffic over time
-- doc: Sampled packets of each part of the window in which any agent was heard, counted at their clients. A part without a row
--      is one of which nothing is known.
WITH heard AS (
    SELECT DISTINCT date_bin(INTERVAL '{bin}', at) AS start
    FROM traffic_coverage
    WHERE at >= $from AND at < $until AND agent IS NOT NULL
), sums AS (
    SELECT date_bin(INTERVAL '{bin}', at) AS start, sum(samples) AS samples, sum(packets) AS packets, sum(syn) AS syn,
           sum(established) AS established, sum(accepted) AS accepted, sum(reset) AS reset, sum(replies) AS replies
    FROM traffic_ases
    WHERE at >= $from AND at < $until
    GROUP BY 1
)
SELECT coalesce(heard.start, sums.start) AS start, samples, packets, syn, established, accepted, reset, replies
FROM heard FULL JOIN sums ON sums.start = heard.start
ORDER BY 1
