-- title: What each source sent to each port of each sensor
-- doc: Emails accepted in the window, their recipients and bytes, and the connections accepted in it that delivered
--      anything. A source whose prefix, AS or country changed within the window is shown under the latest.
--      `covering` is 1 where the prefix is not announced but a range that covers the source, and 0 where it is. All tables but
--      those of domains, probes and tests are computed from the rows of this one.
WITH seen AS (
    SELECT sensor, source_ip, prefix, announced, asn, as_name, country, location, protocol, protocol_bit, port, os,
           count(*) FILTER (WHERE accepted_at < $until) AS emails,
           coalesce(sum(recipient_count) FILTER (WHERE accepted_at < $until), 0) AS recipients,
           coalesce(sum(size) FILTER (WHERE accepted_at < $until), 0) AS bytes,
           count(*) FILTER (WHERE {first} AND session_accepted_at >= $from) AS connections,
           max(accepted_at) AS last_at
    FROM messages
    WHERE accepted_at >= $from AND session_accepted_at < $until AND (accepted_at < $until OR {first}) {class} {filter}
    GROUP BY sensor, source_ip, prefix, announced, asn, as_name, country, location, protocol, protocol_bit, port, os
)
SELECT sensor, source_ip,
       first_value(prefix) OVER latest AS prefix,
       CASE WHEN first_value(prefix) OVER latest IS NULL THEN NULL
            WHEN first_value(announced) OVER latest THEN 0 ELSE 1 END AS covering,
       first_value(asn) OVER latest AS asn,
       first_value(as_name) OVER latest AS as_name,
       first_value(country) OVER latest AS country,
       first_value(location) OVER latest AS location,
       protocol, protocol_bit, port, os, emails, recipients, bytes, connections
FROM seen
WHERE emails > 0 OR connections > 0
WINDOW latest AS (PARTITION BY source_ip ORDER BY last_at DESC, prefix, asn)
