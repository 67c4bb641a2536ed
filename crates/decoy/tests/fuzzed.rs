//! What fuzzing found to reach different code, played again: the checks are those of the fuzz targets.
#![allow(clippy::disallowed_methods, reason = "the corpus is in files")]

#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/harness/decoy.rs"]
mod harness;

#[test]
fn any_client_of_a_mail_port_is_answered_and_recorded_however_it_is_split() {
    corpus::replay("smtp", harness::smtp);
}

#[test]
fn any_client_of_an_http_proxy_is_answered_and_recorded_however_it_is_split() {
    corpus::replay("http", harness::http);
}

#[test]
fn any_client_of_a_socks_4_proxy_is_answered_and_recorded_however_it_is_split() {
    corpus::replay("socks4", harness::socks4);
}

#[test]
fn any_client_of_a_socks_5_proxy_is_answered_and_recorded_however_it_is_split() {
    corpus::replay("socks5", harness::socks5);
}

#[test]
fn any_conversation_ends_and_gives_one_session_however_it_is_split() {
    corpus::replay("conversation", harness::conversation);
}
