//! Exim as a provider has it: port 25 for the world and for customers by their addresses, port 587 for accounts.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Child;

use super::abuse::HOPS;
use super::client::PASSWORD;
use super::server::{Programs, files};
use super::world::{CUSTOMERS_4, CUSTOMERS_6, DOMAIN, SERVER, SERVER_4, SERVER_6, STORE};
use crate::error::LabError;

/// The user that the Debian package makes, with a number that nobody else has.
pub(crate) const USERS: [(&str, u32); 1] = [("Debian-exim", 60_001)];

/// Debian's settings where they show in the log. What a provider would not set: no DNS, other folders, retries after
/// seconds, as many lines `Received:` as Postfix takes.
const SETTINGS: &str = "\
exim_path = {program}
primary_hostname = {server}
domainlist local_domains = {domain}
hostlist relay_from_hosts = <; {customers_4} ; {customers_6}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
daemon_smtp_ports = 25 : 587
local_interfaces = <; {address_4} ; {address_6}
host_lookup = *
host_lookup_order = byaddr
rfc1413_query_timeout = 0s
tls_advertise_hosts =
smtp_enforce_sync = false
prdr_enable = true
smtputf8_advertise_hosts =
keep_environment =
add_environment = TZ=UTC
message_logs = false
bounce_return_body = false
delay_warning =
ignore_bounce_errors_after = 0s
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 10000
queue_run_max = 5
received_headers_max = {hops}
log_selector = +smtp_protocol_error +smtp_syntax_error +tls_certificate_verified
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data = acl_check_data
begin acl
acl_check_rcpt:
  accept hosts = +relay_from_hosts
    control = dkim_disable_verify
  accept authenticated = *
    control = dkim_disable_verify
  require message = relay not permitted
    domains = +local_domains
  require verify = recipient
  accept
    control = dkim_disable_verify
acl_check_data:
  accept
begin routers
local:
  driver = manualroute
  domains = +local_domains
  local_parts = lsearch;{folder}/mailboxes
  transport = lmtp
  route_list = * {store} byname
  cannot_route_message = Unknown user
  no_more
unknown:
  driver = redirect
  domains = +local_domains
  data = :fail: Unknown user
  allow_fail
remote:
  driver = manualroute
  transport = remote_smtp
  route_list = * $domain byname
  host_find_failed = fail
begin transports
remote_smtp:
  driver = smtp
  interface = {address_4}
  hosts_try_fastopen =
  hosts_try_prdr =
lmtp:
  driver = smtp
  protocol = lmtp
  port = 24
  interface = {address_4}
  hosts_try_fastopen =
begin retry
* * F,1h,3s
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth3}{{password}}}
  server_set_id = $auth2
";

pub(crate) fn start(programs: &Programs, folder: &Path, mailboxes: &[String]) -> Result<Child, LabError> {
    let id = USERS[0].1;
    let id = owner(USERS[0].0).unwrap_or(id);
    let spool = folder.join("spool");
    fs::create_dir(&spool).map_err(LabError::file(&spool))?;
    chown(&spool, Some(id), Some(id)).map_err(LabError::file(&spool))?;
    chown(folder, Some(id), Some(id)).map_err(LabError::file(folder))?;
    let program = programs.root.join("usr/sbin/exim4");
    let text = SETTINGS
        .replace("{program}", &program.display().to_string())
        .replace("{folder}", &folder.display().to_string())
        .replace("{server}", SERVER)
        .replace("{domain}", DOMAIN)
        .replace("{store}", STORE)
        .replace("{address_4}", &SERVER_4.to_string())
        .replace("{address_6}", &SERVER_6.to_string())
        .replace("{customers_4}", CUSTOMERS_4)
        .replace("{customers_6}", CUSTOMERS_6)
        .replace("{hops}", &HOPS.to_string())
        .replace("{password}", PASSWORD);
    // Where the program looks for it: with a file that is named to it, it gives up the rights that it delivers with.
    let conf = Path::new("/etc/exim4");
    fs::create_dir_all(conf).map_err(LabError::file(conf))?;
    fs::write(conf.join("exim4.conf"), text).map_err(LabError::file(conf))?;
    let parts: String = mailboxes.iter().filter_map(|name| Some(format!("{}\n", name.split_once('@')?.0))).collect();
    fs::write(folder.join("mailboxes"), parts).map_err(LabError::file(folder.join("mailboxes")))?;
    let spawned = programs.daemon("usr/sbin/exim4", folder)?.args(["-bdf", "-q3s"]).spawn();
    spawned.map_err(|error| LabError::NotStarted { server: "Exim", reason: error.to_string() })
}

/// Messages have two files each.
pub(crate) fn queued(folder: &Path) -> usize {
    files(&folder.join("spool/input")).div_ceil(2)
}

/// The number of a user of this machine.
fn owner(name: &str) -> Option<u32> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":x:"))?;
    line.split(':').next()?.parse().ok()
}
