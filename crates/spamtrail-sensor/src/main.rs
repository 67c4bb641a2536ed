//! `spamtrail-sensor`: the command line of a deployed sensor.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use spamtrail_sensor::{Config, block_on, check, log, sense, ship, stop_with_parent};

/// The decoy sensor of Spamtrail: poses as open mail relay and open proxies, keeps what abusers push through it, forwards
/// nothing.
///
/// A sensor's machine runs two processes with one configuration file: `sensor` answers the world and opens no connection;
/// `ship` takes what was caught to the collector and talks to nobody else. The kernel is asked to hold `sensor` to it.
///
/// Set SPAMTRAIL_LOG to error, warn, info, debug or trace to hear less or more on stderr.
#[derive(Parser)]
#[command(name = "spamtrail-sensor", version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Listen on the configured ports and fill the spool. SIGTERM ends it in good order.
    Sensor(ConfigFile),
    /// Take sealed segments of the spool to the collector. SIGTERM ends it after what still waits.
    Ship(ConfigFile),
    /// Read the configuration, the persona and the identity, and say what is wrong with them.
    Check(ConfigFile),
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", default_value = "/etc/spamtrail/sensor.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    let done = match Cli::parse().role {
        Role::Sensor(file) => serve(&file, sense),
        Role::Ship(file) => serve(&file, |config| block_on(ship(config))),
        Role::Check(file) => check(&file.config).map(|config| {
            eprintln!("{}: sensor {} on {} ports is in order", file.config.display(), config.name, config.listen.len());
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spamtrail-sensor: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn serve(file: &ConfigFile, role: impl FnOnce(Config) -> anyhow::Result<()>) -> anyhow::Result<()> {
    log();
    stop_with_parent();
    role(Config::read(&file.config)?)
}
