//! Postfix as a provider has it: port 25 for the world and for customers by their addresses, port 587 for accounts.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Child;

use super::login;
use super::server::{Programs, files};
use super::world::{CUSTOMERS_4, DOMAIN, SERVER, SERVER_4, SERVER_6, STORE};
use crate::error::LabError;

/// What a provider would not set: no DNS, other folders, times for a run of minutes instead of days (retries come after
/// seconds, errors cost no pause), no caps for single clients, since all are served faster than they write.
const SETTINGS: &str = "\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = {server}
mydomain = {domain}
mydestination =
mynetworks = {customers_4} [{customers_6}]/36
inet_interfaces = {address_4}, [{address_6}]
inet_protocols = all
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{folder}/conf/mailboxes
virtual_transport = lmtp:[{store}]:24
disable_dns_lookups = yes
smtp_host_lookup = native
lmtp_host_lookup = native
smtp_bind_address = {address_4}
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_connection_cache_on_demand = no
lmtp_connection_cache_on_demand = no
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
smtpd_helo_required = yes
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{login}
header_checks = regexp:{folder}/conf/header_checks
alias_maps =
alias_database =
notify_classes =
default_process_limit = 100
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
queue_run_delay = 2s
minimal_backoff_time = 3s
maximal_backoff_time = 10s
";

const SERVICES: &str = "\
{address_4}:25 inet n - n - - smtpd
{address_4}:587 inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
[{address_6}]:25 inet n - n - - smtpd
[{address_6}]:587 inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

/// The names by which clients greet are not in the lines of accepted mail, unless a rule that looks at a header which each
/// message has puts them there.
const HEADER_CHECKS: &str = "/^Date:/ INFO\n";

/// The folders of the queue that hold messages.
const QUEUES: [&str; 5] = ["maildrop", "incoming", "active", "deferred", "hold"];

pub(crate) fn start(programs: &Programs, folder: &Path, mailboxes: &[String]) -> Result<Child, LabError> {
    let conf = folder.join("conf");
    for name in ["conf", "queue", "data"] {
        let path = folder.join(name);
        fs::create_dir(&path).map_err(LabError::file(&path))?;
    }
    write(&conf.join("main.cf"), &filled(SETTINGS, folder))?;
    write(&conf.join("master.cf"), &filled(SERVICES, folder))?;
    write(&conf.join("header_checks"), HEADER_CHECKS)?;
    write(&conf.join("mailboxes"), &mailboxes.iter().map(|name| format!("{name} x\n")).collect::<String>())?;
    let data = folder.join("data");
    chown(&data, user("postfix"), None).map_err(LabError::file(data))?;
    // It makes the folders of the queue.
    let checked =
        programs.command("usr/sbin/postfix").arg("-c").arg(&conf).arg("check").output().map_err(not_started)?;
    if !checked.status.success() {
        let reason = String::from_utf8_lossy(&checked.stderr).trim().to_owned();
        return Err(LabError::NotStarted { server: "Postfix", reason });
    }
    programs.daemon("usr/lib/postfix/sbin/master", folder)?.arg("-c").arg(conf).arg("-d").spawn().map_err(not_started)
}

fn filled(text: &str, folder: &Path) -> String {
    let (prefix_6, _) = super::world::CUSTOMERS_6.split_once('/').unwrap_or_default();
    text.replace("{folder}", &folder.display().to_string())
        .replace("{server}", SERVER)
        .replace("{domain}", DOMAIN)
        .replace("{store}", STORE)
        .replace("{address_4}", &SERVER_4.to_string())
        .replace("{address_6}", &SERVER_6.to_string())
        .replace("{customers_4}", CUSTOMERS_4)
        .replace("{customers_6}", prefix_6)
        .replace("{login}", &login::ADDRESS.to_string())
}

fn not_started(error: std::io::Error) -> LabError {
    LabError::NotStarted { server: "Postfix", reason: error.to_string() }
}

pub(crate) fn queued(folder: &Path) -> usize {
    QUEUES.iter().map(|queue| files(&folder.join("queue").join(queue))).sum()
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(LabError::file(path))
}

/// The number of a user of this machine.
fn user(name: &str) -> Option<u32> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":x:"))?;
    line.split(':').next()?.parse().ok()
}
