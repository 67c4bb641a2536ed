-- title: Who saw addresses first, by AS
-- doc: Addresses that sampled traffic called and that decoys or logs saw too. The lead is from the first sample to the first
--      sight of the others, in seconds: below zero the others were first. The median is the time of an address, the lower one
--      where two would do.
WITH led AS (
    SELECT asn, as_name, country,
           (CAST(least(coalesce(decoys_at, logs_at), coalesce(logs_at, decoys_at)) AS BIGINT)
            - CAST(traffic_at AS BIGINT)) / 1000000 AS lead
    FROM seen
    WHERE traffic_at IS NOT NULL AND (decoys_at IS NOT NULL OR logs_at IS NOT NULL)
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY asn ORDER BY lead) - 1 AS place, count(*) OVER (PARTITION BY asn) - 1 AS last
    FROM led
)
SELECT asn, max(as_name) AS as_name, max(country) AS country, count(*) AS addresses,
       count(*) FILTER (WHERE lead > 0) AS traffic_first, count(*) FILTER (WHERE lead < 0) AS others_first,
       max(lead) FILTER (WHERE place = last / 2) AS median
FROM placed
GROUP BY asn
ORDER BY count(*) DESC, asn NULLS LAST
LIMIT {rows}
