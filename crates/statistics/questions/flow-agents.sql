-- title: Agents that sampled, and how complete their samples are
-- doc: Each switch, by its own word, with its part: when it was heard, what came of it, and what is missing by its own numbers.
--      One of so many packets was sampled, by its word and as measured by its counts; the least and the most of its sources.
SELECT agent, sub_agent, max(exporter) AS exporter, max(version) AS version, max(sources) AS sources,
       sum(datagrams) AS datagrams, sum(datagrams_lost) AS datagrams_lost, sum(samples) AS samples,
       sum(samples_lost) AS samples_lost, sum(drops) AS drops, sum(restarts) AS restarts,
       min(rate_least) AS rate_least, max(rate_most) AS rate_most, min(measured_least) AS measured_least,
       max(measured_most) AS measured_most, min(at) AS first_at, max(at) AS last_at, count(DISTINCT at) AS heard
FROM traffic_coverage
WHERE at >= $from AND at < $until AND agent IS NOT NULL
GROUP BY agent, sub_agent
ORDER BY samples DESC, agent, sub_agent
LIMIT {rows}
