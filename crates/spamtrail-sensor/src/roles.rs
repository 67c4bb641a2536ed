//! The two roles.

use std::path::Path;

use anyhow::{Context, ensure};
use confinement::Confinement;
use decoy::Persona;
use sensor::{Listener, Secret, SensorConfig};
use spool::{Identity, Seal, Shipping, Spool, SpoolConfig};

use crate::config::Config;
use crate::passed::Passed;
use crate::persona::persona;
use crate::process::{announce_ready, block_on_threads, serving_threads, stopped};

/// Listens until told to stop, then ends every connection and seals what was caught. Makes its own runtime: files are
/// confined while this process has one thread.
pub fn sense(config: Config) -> anyhow::Result<()> {
    let passed = Passed::take()?;
    let persona = persona(&config)?;
    let seal = seal(&config)?;
    let threads = serving_threads();
    std::fs::create_dir_all(&config.spool).with_context(|| format!("{}", config.spool.display()))?;
    let secret = Secret::open(&config.spool).with_context(|| format!("the secret in {}", config.spool.display()))?;
    let confinement = Confinement::begin(&config.spool);
    block_on_threads(threads, serve(config, Guise { persona, secret, seal }, passed, confinement))
}

/// What the decoy poses as, and what keeps its visitors' secrets.
struct Guise {
    persona: Persona,
    secret: Secret,
    seal: Option<Seal>,
}

async fn serve(config: Config, guise: Guise, passed: Passed, confinement: Confinement) -> anyhow::Result<()> {
    let Guise { persona, secret, seal } = guise;
    let stop = stopped()?;
    if seal.is_none() {
        tracing::warn!("no `seal` is set: of the passwords that clients offer only the length is kept");
    }
    let seats = seats(&config);
    let listeners = listeners(&config, passed)?;
    let spool_config = SpoolConfig {
        folder: config.spool.clone(),
        sensor: config.name.clone(),
        limit: config.spool_limit_mib * 1024 * 1024,
        seal_after: config.seal_after(),
        seats,
    };
    let (spool, recovery) = Spool::open(spool_config, sensor::now())?;
    if recovery != spool::Recovery::default() {
        tracing::warn!(?recovery, "the run before did not stop in good order; its spool is put in order");
    }
    let confined = match confine(confinement, config.require_confinement).await {
        Ok(confined) => confined,
        Err(error) => {
            spool.close().await;
            return Err(error);
        }
    };
    tracing::info!(sensor = %config.name, ports = listeners.len(), persona = persona.names(), "the sensor listens");
    announce_ready();
    let sensor_config = SensorConfig {
        lists: config.lists(),
        name: config.name,
        persona,
        secret,
        seal,
        trusted_balancers: config.trusted_balancers,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        confined,
        network_connections: config.max_connections_per_network,
        network_arrivals: config.max_arrivals_per_network,
    };
    sensor::run(listeners, sensor_config, spool.clone(), recovery, stop).await;
    spool.close().await;
    Ok(())
}

/// How many connections there may be at once: as many as configured, or as the open files of this process allow.
fn seats(config: &Config) -> u32 {
    let files = sensor::raise_open_files();
    let own = sensor::OWN_FILES + config.listen.len() as u64;
    let possible = u32::try_from(files.saturating_sub(own)).unwrap_or(u32::MAX).max(1);
    if possible < config.max_connections {
        let (wanted, needed) = (config.max_connections, u64::from(config.max_connections) + own);
        tracing::warn!(files, needed, wanted, possible, "too few open files are allowed for so many connections");
    }
    config.max_connections.min(possible)
}

/// The sockets of all ports: those that were passed to this process, and for the other ports new ones.
fn listeners(config: &Config, mut passed: Passed) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for listen in &config.listen {
        listeners.push(match passed.claim(listen.address) {
            Some(socket) => sensor::adopt(socket, listen.address, listen.manner())?.on_terms(listen.terms()),
            None => sensor::bind(listen.address, listen.manner())?.on_terms(listen.terms()),
        });
    }
    passed.none_left()?;
    Ok(listeners)
}

/// Confines all threads and tries to break out, on a thread that will serve connections. Tells whether all holds.
async fn confine(confinement: Confinement, required: bool) -> anyhow::Result<bool> {
    let report = tokio::spawn(async { confinement.complete() }).await.context("the confinement failed")?;
    let stopped = report.stopped().collect::<Vec<_>>().join(", ");
    if report.holds() {
        tracing::info!(tried = report.attempts.len(), stopped, "confined: every known way out was tried and is closed");
        return Ok(true);
    }
    let faults = report.faults();
    ensure!(
        !required,
        "this process is not confined: {faults}. With `require_confinement = false` it would serve all the same"
    );
    tracing::warn!(faults, stopped, "this process is not wholly confined");
    Ok(false)
}

/// Ships until told to stop, then what still waits.
pub async fn ship(config: Config) -> anyhow::Result<()> {
    let stop = stopped()?;
    let lists = config.listen.iter().any(|listen| listen.refuse_listed).then(|| config.lists());
    let ship = config.ship.context("the configuration has no [ship]")?;
    let identity = Identity::read(&ship.identity)?;
    let named = identity.sensor();
    ensure!(
        named.as_ref() == Some(&config.name),
        "the identity in {} is that of {}, not of sensor {}",
        ship.identity.display(),
        named.map_or_else(|| "no sensor".to_owned(), |name| format!("sensor {name}")),
        config.name
    );
    std::fs::create_dir_all(&config.spool).with_context(|| format!("{}", config.spool.display()))?;
    tracing::info!(sensor = %config.name, collector = %ship.collector, "shipping");
    announce_ready();
    let shipping = Shipping { folder: config.spool, sensor: config.name, collector: ship.collector, identity, lists };
    Ok(spool::ship(shipping, stop).await?)
}

/// Read before files are confined.
fn seal(config: &Config) -> anyhow::Result<Option<Seal>> {
    config.seal.as_deref().map(Seal::read).transpose().context("seal")
}

/// Reads everything that the roles would read, and changes nothing.
pub fn check(path: &Path) -> anyhow::Result<Config> {
    let config = Config::read(path)?;
    persona(&config)?;
    seal(&config)?;
    if let Some(ship) = &config.ship {
        Identity::read(&ship.identity)?;
    }
    Ok(config)
}
