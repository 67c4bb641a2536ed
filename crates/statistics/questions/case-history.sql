-- title: What was told of a finding
-- doc: Each change and each word of a person, the newest first. Who said a word is personal and not in the answer.
SELECT told_at, change, class, diagnosis, probability, last_seen, messages, recipients, failed, strangers, spams,
       viruses, rules
FROM findings
WHERE finding = $finding AND told_at < $until
ORDER BY told_at DESC, last_seen DESC, recipients DESC, messages DESC, change = 'opened'
LIMIT {rows}
