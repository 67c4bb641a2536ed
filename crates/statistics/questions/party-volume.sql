-- title: What a customer sent over time
-- doc: The sums of all mail servers for the party of a finding. Its name is looked up inside and is not in the answer.
WITH who AS (
    SELECT party, party_name FROM findings WHERE finding = $finding LIMIT 1
)
SELECT date_bin(INTERVAL '{bin}', at) AS start, sum(messages) AS messages, sum(bytes) AS bytes,
       sum(recipients) AS recipients, sum(delivered) AS delivered, sum(deferred) AS deferred, sum(failed) AS failed,
       sum(refused) AS refused, sum(spams) AS spams, sum(viruses) AS viruses, sum(logins_failed) AS logins_failed
FROM customers JOIN who ON customers.party = who.party AND customers.party_name = who.party_name
WHERE at >= $from AND at < $until
GROUP BY 1
ORDER BY 1
