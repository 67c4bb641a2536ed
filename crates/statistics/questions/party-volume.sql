-- title: What a customer sent over time
-- doc: The sums of all mail servers for the party of a finding, a row for each hour or day of which the logs have anything of
--      anybody. The name of the party is looked up inside and is not in the answer.
WITH who AS (
    SELECT party, party_name, TRUE AS is_it FROM findings WHERE finding = $finding LIMIT 1
), logged AS (
    SELECT customers.*, coalesce(is_it, FALSE) AS is_it
    FROM customers LEFT JOIN who ON customers.party = who.party AND customers.party_name = who.party_name
    WHERE at >= $from AND at < $until
)
SELECT date_bin(INTERVAL '{bin}', at) AS start,
       sum(messages) FILTER (WHERE is_it) AS messages, sum(bytes) FILTER (WHERE is_it) AS bytes,
       sum(recipients) FILTER (WHERE is_it) AS recipients, sum(delivered) FILTER (WHERE is_it) AS delivered,
       sum(deferred) FILTER (WHERE is_it) AS deferred, sum(failed) FILTER (WHERE is_it) AS failed,
       sum(refused) FILTER (WHERE is_it) AS refused, sum(spams) FILTER (WHERE is_it) AS spams,
       sum(viruses) FILTER (WHERE is_it) AS viruses, sum(logins_failed) FILTER (WHERE is_it) AS logins_failed
FROM logged
GROUP BY 1
ORDER BY 1
