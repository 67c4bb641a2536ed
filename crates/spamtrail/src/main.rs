//! `spamtrail`: the command line of the whole system. Glue and nothing else: roles, questions, tables, replay.

mod arguments;
mod collect;
mod config;
mod data;
mod doctor;
mod flow;
mod ingest;
mod judge;
mod laboratory;
mod lists;
mod logins;
mod maillog;
mod origins;
mod output;
mod release;
mod replay;
mod signatures;
mod sql;
mod stats;
mod tables;
mod tests;
mod up;

use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use portal::PortalConfig;
use spamtrail_sensor::{announce_ready, block_on, log, stop_with_parent, stopped};
use tokio::net::TcpListener;

use crate::arguments::{Arguments, Check, Command, Role};
use crate::config::{CollectConfig, PortalFile};
use crate::data::Data;

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::NothingFound) => ExitCode::from(1),
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spamtrail: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// How a command ended, if not with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Nothing was found, or a check failed: exit code 1.
    NothingFound,
}

fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Up(arguments) => {
            log();
            block_on(up::up(arguments)).map(|()| Outcome::Done)
        }
        // It makes its runtime itself: files are confined while there is one thread.
        Command::Sensor(file) => role(|| spamtrail_sensor::sense(spamtrail_sensor::Config::read(&file.config)?)),
        Command::Ship(file) => role(|| block_on(spamtrail_sensor::ship(spamtrail_sensor::Config::read(&file.config)?))),
        Command::Collect(file) => role(|| block_on(collect::collect(CollectConfig::read(&file.config)?))),
        Command::Portal(file) => role(|| block_on(serve_portal(PortalFile::read(&file.config)?))),
        Command::Enroll(arguments) => {
            collect::enroll(&Data(arguments.data), &arguments.name, &arguments.out)?;
            eprintln!(
                "the identity of {} is in {}: give that folder to the sensor's host, by a safe way",
                arguments.name,
                arguments.out.display()
            );
            Ok(Outcome::Done)
        }
        Command::Stats(arguments) => stats::stats(arguments),
        Command::Tests(arguments) => tests::tests(arguments),
        Command::Sql(arguments) => sql::sql(arguments),
        Command::Logins(arguments) => logins::logins(&arguments),
        Command::Lab(arguments) => laboratory::lab(arguments),
        Command::Maillog(arguments) => maillog::maillog(*arguments),
        Command::Flow(arguments) => flow::flow(arguments),
        Command::Origin(arguments) => origins::origin(arguments),
        Command::Replay(arguments) => replay::replay(arguments),
        Command::Check(arguments) => check(&arguments),
        Command::Doctor(arguments) => doctor::doctor(arguments),
    }
}

fn role(serve: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Outcome> {
    log();
    stop_with_parent();
    serve().map(|()| Outcome::Done)
}

async fn serve_portal(file: PortalFile) -> anyhow::Result<()> {
    let stop = stopped()?;
    let listener = TcpListener::bind(file.listen).await.with_context(|| format!("cannot listen on {}", file.listen))?;
    tracing::info!(listen = %file.listen, "the portal serves");
    announce_ready();
    Ok(portal::run(listener, PortalConfig { lake: Data(file.data).lake() }, stop).await?)
}

fn check(arguments: &Check) -> anyhow::Result<Outcome> {
    let path = &arguments.config;
    match arguments.role {
        Role::Sensor | Role::Ship => {
            let config = spamtrail_sensor::check(path)?;
            anyhow::ensure!(
                arguments.role != Role::Ship || config.ship.is_some(),
                "{} is wrong: [ship] is missing",
                path.display()
            );
            dump(arguments, &config);
        }
        Role::Collect => dump(arguments, &CollectConfig::read(path)?),
        Role::Portal => dump(arguments, &PortalFile::read(path)?),
    }
    eprintln!("{} is in order", path.display());
    Ok(Outcome::Done)
}

#[allow(clippy::print_stdout, reason = "the effective configuration is the result")]
fn dump(arguments: &Check, config: &impl std::fmt::Debug) {
    if arguments.dump {
        println!("{config:#?}");
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|error| error.kind() == ErrorKind::BrokenPipe)
}
