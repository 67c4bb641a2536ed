//! A line of Postfix as names and values, under the names that the patterns of whyscream/postfix-grok-patterns give them.

use std::collections::BTreeMap;

use maillog::postfix::{Cipher, Line, Remote, commands};
use maillog::{LossKind, Peer, postfix};

pub(crate) type Fields = BTreeMap<String, String>;

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Collects names and values.
#[derive(Default)]
struct Names(Fields);

impl Names {
    fn put(&mut self, name: &str, value: &[u8]) {
        self.0.insert(name.to_owned(), shown(value));
    }

    fn some(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn queue(&mut self, queue: &str) {
        self.put("postfix_queueid", if queue.is_empty() { b"NOQUEUE" } else { queue.as_bytes() });
    }

    fn peer(&mut self, whose: &str, peer: &Peer<'_>) {
        if !peer.name.is_empty() {
            self.put(&format!("postfix_{whose}_hostname"), peer.name);
        }
        let what = match peer.ip() {
            Some(_) => "ip",
            None if peer.address == b"unknown" => "ip_unknown",
            None => "service",
        };
        self.put(&format!("postfix_{whose}_{what}"), peer.address);
        if let Some(port) = peer.port {
            self.put(&format!("postfix_{whose}_port"), port.to_string().as_bytes());
        }
    }

    fn envelope(&mut self, envelope: &postfix::Envelope<'_>) {
        self.some("from", envelope.sender);
        self.some("to", envelope.recipient);
        self.some("proto", envelope.protocol);
        self.some("helo", envelope.helo);
    }

    fn code(&mut self, prefix: &str, code: Option<u16>, enhanced: Option<[u16; 3]>) {
        if let Some(code) = code {
            self.put(&format!("{prefix}_status_code"), code.to_string().as_bytes());
        }
        if let Some([class, subject, detail]) = enhanced {
            self.put(&format!("{prefix}_status_code_enhanced"), format!("{class}.{subject}.{detail}").as_bytes());
        }
    }
}

/// The fields of a line of this daemon.
pub(crate) fn fields(daemon: &str, line: &Line<'_>) -> Fields {
    let mut names = Names::default();
    match line {
        Line::Client(handed) => {
            names.queue(handed.queue);
            names.put("client", format!("{}[{}]", shown(handed.peer.name), shown(handed.peer.address)).as_bytes());
        }
        Line::Pickup { queue, user, sender } => {
            names.queue(queue);
            names.put("uid", user);
            names.put("from", sender);
        }
        Line::MessageId { queue, id, .. } => {
            names.queue(queue);
            names.put("postfix_message-id", id);
        }
        Line::Active { queue, sender, size, recipients } => {
            names.queue(queue);
            names.put("from", sender);
            names.put("size", size.unwrap().to_string().as_bytes());
            names.put("nrcpt", recipients.unwrap().to_string().as_bytes());
        }
        Line::Removed { queue } => {
            names.queue(queue);
            names.put("postfix_message", b"removed");
        }
        Line::Expired { queue, sender, status } => {
            names.queue(queue);
            names.put("postfix_from", sender);
            names.put("postfix_status", status);
        }
        Line::Notification { about, to, kind, queue } => {
            names.queue(about);
            names.put("postfix_bounce_recipient", to);
            names.put("postfix_bounce_reason", kind);
            names.put("postfix_bounce_queueid", queue.as_bytes());
        }
        Line::Super { queue, action, count } => super_(&mut names, queue, action, *count),
        Line::Delivery(delivery) => delivered(&mut names, daemon, delivery),
        Line::Refusal(refusal) => refused(&mut names, refusal),
        Line::Proxied { accepted, stage, text, envelope } => {
            names.put("postfix_proxy_result", if *accepted { b"accept" } else { b"reject" });
            names.put("postfix_proxy_smtp_stage", stage);
            names.put("postfix_proxy_message", text);
            let mut words = text.split(|byte| *byte == b' ');
            for name in ["postfix_proxy_status_code", "postfix_proxy_status_code_enhanced"] {
                names.some(name, words.next().filter(|word| word.first().is_some_and(u8::is_ascii_digit)));
            }
            names.envelope(envelope);
        }
        Line::Content(content) => judged(&mut names, content),
        Line::LoginFailed { peer, method, text, account: None } => {
            names.peer("client", peer);
            names.put(
                "postfix_message",
                format!("SASL {} authentication failed: {}", shown(method), shown(text)).as_bytes(),
            );
        }
        Line::Loss { peer, kind, what, waited, stage, .. } => {
            names.put("postfix_postscreen_violation_time", waited);
            lost(&mut names, daemon, peer, *kind, what, stage);
        }
        Line::Warning(warning) => {
            if !warning.queue.is_empty() {
                names.queue(warning.queue);
            }
            names.put("postfix_message_level", warning.level);
            names.put("postfix_message", warning.text);
            if let Some(peer) = &warning.peer {
                names.peer("client", peer);
            }
        }
        line => of_connection(&mut names, daemon, line),
    }
    names.0
}

fn of_connection(names: &mut Names, daemon: &str, line: &Line<'_>) {
    match line {
        Line::Connect { peer, to } => {
            names.peer("client", peer);
            if let Some(to) = to {
                names.peer("server", to);
            }
        }
        Line::Disconnect { peer, counts } => {
            names.peer("client", peer);
            names.put("postfix_command_counter_data", counts);
        }
        Line::Access { verdict, peer } => {
            names.put("postfix_postscreen_access", verdict);
            names.peer("client", peer);
        }
        Line::Rank { rank, peer } => {
            names.put("postfix_postscreen_violation", b"DNSBL");
            names.put("postfix_postscreen_dnsbl_rank", rank.to_string().as_bytes());
            names.peer("client", peer);
        }
        Line::Listed { address, domain, result } => {
            names.put("postfix_client_ip", address);
            names.put("postfix_dnsbl_domain", domain);
            names.put("postfix_dnsbl_result", result);
        }
        Line::Remote { queue, peer, kind, text, stage } => remote(names, queue, peer, *kind, text, stage),
        Line::Tls { trust, peer, inbound, parameters } => {
            names.put("postfix_tls_trustlevel", trust);
            names.peer(if *inbound { "client" } else { "relay" }, peer);
            cipher(names, &Cipher::parse(parameters).unwrap());
        }
        Line::Keywords(words) => names.put("postfix_discarded_ehlo_keywords", words),
        line => of_house(names, daemon, line),
    }
}

fn of_house(names: &mut Names, daemon: &str, line: &Line<'_>) {
    match line {
        Line::Anvil { what: b"cache", value, at, .. } => {
            names.put("postfix_anvil_cache_size", value);
            names.put("postfix_anvil_timestamp", at);
        }
        Line::Anvil { what, value, service, client, at } => {
            names.put("postfix_service", service);
            names.put(if *client == b"unknown" { "postfix_client_ip_unknown" } else { "postfix_client_ip" }, client);
            names.put("postfix_anvil_timestamp", at);
            let value = shown(value);
            match value.split_once('/') {
                Some((rate, period)) if what.ends_with(b"rate") => {
                    names.put("postfix_anvil_conn_rate", rate.as_bytes());
                    names.put("postfix_anvil_conn_period", period.as_bytes());
                }
                _ => names.put("postfix_anvil_conn_count", value.as_bytes()),
            }
        }
        Line::Scache { what: b"start interval", values } => names.put("postfix_scache_timestamp", values),
        Line::Scache { values, .. } => {
            for value in shown(values).split(' ') {
                let (name, value) = value.split_once('=').unwrap();
                names.put(&format!("postfix_scache_{name}"), value.trim_end_matches('%').as_bytes());
            }
        }
        Line::Cleaned { scope, retained, dropped } => {
            let cache = if daemon == "verify" { "verify_cache" } else { "postscreen_cache" };
            names.put(&format!("postfix_{cache}_retained"), retained.to_string().as_bytes());
            names.put(&format!("postfix_{cache}_dropped"), dropped.to_string().as_bytes());
            names.put("postfix_verify_cleanup_type", scope);
        }
        Line::Master { what: b"terminating on signal", version, .. } => {
            names.put("postfix_termination_signal", version)
        }
        Line::Master { version, folder, .. } => {
            names.put("postfix_version", version);
            names.put("postfix_config_path", folder);
        }
        other => panic!("{daemon}: {other:?}"),
    }
}

fn super_(names: &mut Names, queue: &str, action: &[u8], count: Option<u64>) {
    match count {
        None => {
            names.queue(queue);
            names.put("postfix_postsuper_action", action);
        }
        Some(count) => {
            names.put("postfix_postsuper_summary_action", action);
            names.put("postfix_postsuper_summary_count", count.to_string().as_bytes());
        }
    }
}

fn delivered(names: &mut Names, daemon: &str, delivery: &postfix::Delivery<'_>) {
    names.queue(delivery.queue);
    names.put("to", delivery.recipient);
    names.some("orig_to", delivery.original);
    names.put("relay", delivery.relay);
    names.put("delay", delivery.delay);
    names.put("delays", delivery.delays);
    names.some("tls", delivery.tls);
    let [class, subject, detail] = delivery.enhanced.unwrap();
    names.put("dsn", format!("{class}.{subject}.{detail}").as_bytes());
    names.put("postfix_status", delivery.status);
    let agent = match daemon {
        "lmtp" | "virtual" => "smtp",
        agent => agent,
    };
    names.put(&format!("postfix_{agent}_response"), delivery.text);
}

fn refused(names: &mut Names, refusal: &postfix::Refusal<'_>) {
    if refusal.stage == b"CONNECT" && refusal.code.is_none() {
        names.put("postfix_postscreen_toobusy_data", refusal.text);
        return names.peer("client", &refusal.peer);
    }
    names.queue(refusal.queue);
    names.put("postfix_action", refusal.action);
    names.put("postfix_smtp_stage", refusal.stage);
    names.peer("client", &refusal.peer);
    names.code("postfix", refusal.code, refusal.enhanced);
    match refusal.listing() {
        Some(listing) => {
            names.put("postfix_status_data", listing.listed);
            names.put("postfix_status_message", listing.text);
        }
        None => {
            names.some("postfix_status_data", refusal.subject);
            names.put("postfix_status_message", refusal.text);
        }
    }
    names.envelope(&refusal.envelope);
}

fn judged(names: &mut Names, content: &postfix::Content<'_>) {
    names.queue(content.queue);
    let from = content.peer.map_or("local".to_owned(), |peer| format!("{}[{}]", shown(peer.name), shown(peer.address)));
    let answer = if content.answer.is_empty() { String::new() } else { format!(": {}", shown(content.answer)) };
    let message = format!("{} from {from}{answer}", shown(content.trigger));
    names.envelope(&content.envelope);
    match content.action.strip_prefix(b"milter-") {
        Some(result) => {
            names.put("postfix_milter_result", result);
            names.put("postfix_milter_message", message.as_bytes());
            names.put("postfix_milter_data", content.text);
        }
        None if content.action == b"prepend" => {
            let (kind, trigger) = std::str::from_utf8(content.trigger).unwrap().split_once(' ').unwrap();
            names.put("postfix_prepend_type", kind.as_bytes());
            names.put("postfix_prepend_trigger", trigger.as_bytes());
            names.put("postfix_prepend_value", content.text);
        }
        None => {
            names.put("postfix_message_level", content.action);
            names.put("postfix_message", message.as_bytes());
        }
    }
}

fn lost(names: &mut Names, daemon: &str, peer: &Peer<'_>, kind: LossKind, what: &[u8], stage: &[u8]) {
    names.peer("client", peer);
    if !stage.is_empty() {
        names.put("postfix_smtp_stage", stage);
    }
    if daemon == "postscreen" {
        names.put("postfix_postscreen_violation", what);
    } else if kind != LossKind::Pipelined {
        names.put("postfix_smtpd_lostconn_data", what);
    }
}

fn remote(names: &mut Names, queue: &str, peer: &Peer<'_>, kind: Remote, text: &[u8], stage: &[u8]) {
    if !queue.is_empty() {
        names.queue(queue);
    }
    names.peer("relay", peer);
    match kind {
        Remote::Said => {
            names.put("postfix_smtp_response", text);
            names.put("postfix_smtp_stage", stage);
        }
        Remote::Refused | Remote::Login => names.put("postfix_smtp_response", text),
        Remote::Lost => {
            names.put("postfix_smtp_lostconn_data", text);
            names.put("postfix_smtp_lostconn_reason", stage);
        }
        Remote::Unreachable => names.put("postfix_smtp_lostconn_data", text),
        Remote::Tls => {
            names.put("postfix_smtp_lostconn_data", text);
            names.put("postfix_tls_error", text);
        }
        Remote::Offer => names.put("postfix_pix_workaround", text),
    }
}

fn cipher(names: &mut Names, cipher: &Cipher<'_>) {
    names.put("postfix_tls_version", cipher.version);
    names.put("postfix_tls_cipher", cipher.cipher);
    names.put("postfix_tls_cipher_size", cipher.bits);
    names.some("postfix_tls_key_exchange", cipher.key_exchange);
    names.some("postfix_tls_server_signature", cipher.signature);
    names.some("postfix_tls_server_digest", cipher.digest);
    if let Some(key) = cipher.signature_key {
        let is_size = key.iter().all(u8::is_ascii_digit);
        names.put(&format!("postfix_tls_server_signature_{}", if is_size { "size" } else { "curve" }), key);
    }
}

/// Counts of commands, by the same names.
pub(crate) fn counted(counts: &[u8]) -> Fields {
    let mut names = Names::default();
    for (name, accepted, all) in commands(counts) {
        let name = if name == b"commands" { "count".to_owned() } else { shown(name) };
        names.put(&format!("postfix_cmd_{name}"), all.to_string().as_bytes());
        names.put(&format!("postfix_cmd_{name}_accepted"), accepted.to_string().as_bytes());
    }
    names.0
}

/// A relay, by the same names.
pub(crate) fn relay(relay: &[u8]) -> Fields {
    let mut names = Names::default();
    names.peer("relay", &Peer::parse(relay).unwrap().0);
    names.0
}

/// A policy of TLS, by the same names.
pub(crate) fn policy(text: &[u8]) -> Fields {
    let mut names = Names::default();
    let policy = postfix::Policy::parse(text);
    let asks = |asks: bool| asks.then_some(&b"?"[..]);
    names.put("postfix_tls_security_level", policy.level);
    names.some("postfix_tls_downgrade_level", policy.downgrade);
    names.some("postfix_tls_policy_undecided", asks(policy.undecided));
    if let Some(wish) = policy.requiretls {
        names.put("postfix_requiretls", b"requiretls");
        names.some("postfix_requiretls_policy_violation", wish.violated.then_some(&b"!"[..]));
        names.some("postfix_requiretls_downgrade_level", wish.downgrade);
        names.some("postfix_requiretls_policy_undecided", asks(wish.undecided));
    }
    names.0
}
