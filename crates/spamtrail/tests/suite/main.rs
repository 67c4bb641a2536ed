//! The whole system, as its users run it: the real program, real clients, real sockets of the loopback.
#![allow(clippy::unwrap_used)]

mod chaos;
mod clients;
mod commands;
mod corpus;
mod disk;
mod documents;
mod factors;
mod flow;
mod joined;
mod logins;
mod maillog;
mod maillog_sockets;
mod observatory;
mod probes;
mod readers;
