"""The real mail servers that transcripts are compared with: how each is set up, started and stopped, what of its replies is
masked, and which transcripts are left out. They are open relays that deliver nothing, in a network namespace of their own.
"""

import os
import pathlib
import shutil
import subprocess

CACHE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path.home() / ".cache/spamtrail")) / "mail-servers"
CLIENT, SERVER = ("203.0.113.7", 40112), ("198.51.100.1", 25)
HOST = "mx.example.net"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def certificate(folder):
    """Makes `key.pem` and `certificate.pem`."""
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={HOST}", "-days", "2"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    subprocess.run([*make, *files], check=True, stderr=subprocess.DEVNULL)


class Postfix:
    prefix, packages = "smtp", []
    left_out = {
        "smtp-disk-full": "about our own store",
        "smtp-memory-full": "about our own store",
    }
    masks = [(rb"queued as [0-9A-F]+", b"queued as ID"), (rb"334 [A-Za-z0-9+/=]{40,}", b"334 CHALLENGE")]
    services = """\
{address}:25 inet n - n - - smtpd
tlsmgr unix - - n 1000? 1 tlsmgr
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
    settings = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = {host}
mydestination =
inet_interfaces = {address}
inet_protocols = ipv4
mynetworks = 0.0.0.0/0
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
default_transport = discard
relay_transport = discard
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
alias_maps =
alias_database =
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {host}
"""
    # What else is set for transcripts of a kind.
    more = {
        "plain": "",
        "tls offered": "smtpd_tls_security_level = may\n",
        "tls implicit": "smtpd_tls_wrappermode = yes\n",
        "limit 1000": "message_size_limit = 1000\n",
        "crowded": "smtpd_client_connection_count_limit = 1\nsmtpd_client_event_limit_exceptions =\n",
        "listed zone.example": "smtpd_recipient_restrictions = reject_rbl_client zone.example\n",
        "listed quiet.example": "smtpd_recipient_restrictions = reject_rbl_client quiet.example\n",
        # Hundredths of its times, and its deadline for a whole command, which by itself it has under stress alone.
        "silence": "smtpd_timeout = 3s\nsmtpd_per_request_deadline = yes\n",
    }
    logins = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/conf/sasl/passwords
mech_list: PLAIN LOGIN CRAM-MD5
"""

    def __init__(self, folder, kind):
        self.control = ["postfix", "-c", str(folder / "conf")]
        self.passwords = folder / "conf/sasl/passwords"
        for name in ("conf", "conf/sasl", "queue", "data"):
            (folder / name).mkdir()
        certificate(folder)
        words = {"folder": folder, "host": HOST, "address": SERVER[0]}
        (folder / "conf/main.cf").write_text(self.settings.format(**words) + self.more[kind])
        (folder / "conf/master.cf").write_text(self.services.format(**words))
        (folder / "conf/sasl/smtpd.conf").write_text(self.logins.format(**words))
        shutil.chown(folder / "data", "postfix")

    def know(self, passwords):
        """Lets these users log in, each with a password, and one that nobody is. Without a user it would say so in its words."""
        self.passwords.unlink(missing_ok=True)
        for user, password in {"nobody": "else", **passwords}.items():
            command = ["saslpasswd2", "-p", "-c", "-f", self.passwords, "-u", HOST, user]
            subprocess.run(command, check=True, input=password.encode())
        shutil.chown(self.passwords, "postfix")

    def start(self):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*self.control, "start"], check=True, start_new_session=True, **quiet)

    def stop(self):
        subprocess.run([*self.control, "stop"], check=True, stderr=subprocess.DEVNULL)

    @staticmethod
    def version():
        return subprocess.run(["postconf", "-h", "mail_version"], check=True, capture_output=True, text=True).stdout.strip()


class Unpacked:
    """A server of a package that cannot be installed beside another."""

    users, process = [], None

    def know(self, passwords):
        """These servers take every login, or none."""

    @classmethod
    def unpack(cls):
        """Brings the packages and unpacks them, once for each version."""
        root, done = CACHE / cls.prefix, CACHE / cls.prefix / "unpacked"
        wanted = subprocess.run(["apt-cache", "policy", *cls.packages], check=True, capture_output=True, text=True).stdout
        if not done.exists() or done.read_text() != wanted:
            shutil.rmtree(root, ignore_errors=True)
            (root / "debs").mkdir(parents=True)
            subprocess.run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *cls.packages], check=True, cwd=root / "debs")
            for package in sorted((root / "debs").iterdir()):
                subprocess.run(["dpkg", "-x", package, root], check=True)
            for file in (root / "usr/share/sendmail/cf").rglob("*.m4"):  # they include each other by their installed names
                file.write_text(file.read_text().replace("/usr/share/sendmail", str(root / "usr/share/sendmail")))
            done.write_text(wanted)
        return root

    def spawn(self, *command):
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.root / LIBRARIES)}
        self.process = subprocess.Popen(command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL)

    def stop(self):
        os.killpg(self.process.pid, 15)
        self.process.wait(10)

    @classmethod
    def version(cls):
        names = [path.name.split("_")[1] for path in (CACHE / cls.prefix / "debs").glob(cls.packages[0] + "_*")]
        return " ".join(names).replace("%3a", ":")


class Exim(Unpacked):
    prefix = "exim"
    packages = ["exim4-daemon-light", "exim4-base", "libidn12"]
    users = [("Debian-exim", 60001)]
    left_out = {}
    # What else stands in its settings, and in its rules for recipients, for transcripts of a kind.
    more = {
        "plain": "tls_advertise_hosts =",
        "listed zone.example": "tls_advertise_hosts =",
        "tls offered": "tls_advertise_hosts = *\ntls_certificate = {folder}/certificate.pem\ntls_privatekey = {folder}/key.pem",
    }
    rules = {
        # Of Exim's sample configuration.
        "listed zone.example": """
  deny
    dnslists = zone.example
    message = rejected because $sender_host_address is in a black list at $dnslist_domain\\n$dnslist_text""",
    }
    masks = [
        (rb"(ESMTP Exim 4\.96) [A-Z][a-z]{2}, [ \d]\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", rb"\1 DATE"),
        (rb"OK id=[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}", b"OK id=ID"),
        (rb"334 [A-Za-z0-9+/=]{40,}", b"334 CHALLENGE"),
    ]
    # Debian's settings (exim4.conf.template) where they show, an open relay, logins of every kind, no DNS, no delivery.
    settings = """\
exim_path = {root}/usr/sbin/exim4
primary_hostname = {host}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
daemon_smtp_ports = {port}
local_interfaces = {address}
host_lookup =
dns_dnssec_ok = 1
prdr_enable = true
smtputf8_advertise_hosts =
keep_environment =
queue_only = true
message_size_limit = 10M
smtp_enforce_sync = false
acl_smtp_mail = acl_check_mail
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data = acl_check_data
{more}
begin acl
acl_check_mail:
  accept
acl_check_rcpt:{rules}
  deny
    local_parts = ^[./|] : ^.*[@%!`#&?] : ^.*/\\\\.\\\\./
    message = restricted characters in address
  accept
    control = dkim_disable_verify
acl_check_data:
  accept
begin routers
all:
  driver = accept
  transport = hole
begin transports
hole:
  driver = appendfile
  file = /dev/null
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = true
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = "Username:: : Password::"
  server_condition = true
  server_set_id = $auth1
"""

    def __init__(self, folder, kind):
        self.root = self.unpack()
        (folder / "spool").mkdir()
        shutil.chown(folder / "spool", 60001, 60001)
        certificate(folder)
        for file in (folder, folder / "key.pem"):
            shutil.chown(file, 60001, 60001)
        words = {"folder": folder, "host": HOST, "address": SERVER[0], "port": SERVER[1], "root": self.root}
        words["more"] = self.more[kind].format(**words)
        words["rules"] = self.rules.get(kind, "")
        self.config = folder / "exim.conf"
        self.config.write_text(self.settings.format(**words))

    def start(self):
        self.spawn(self.root / "usr/sbin/exim4", "-C", self.config, "-bdf")


class Sendmail(Unpacked):
    prefix = "sendmail"
    packages = ["sendmail-bin", "sendmail-base", "sendmail-cf", "libmilter1.0.1", "m4", "libsigsegv2"]
    users = [("smmta", 60002), ("smmsp", 60003)]
    left_out = {}
    # What else stands in its settings for transcripts of a kind.
    more = {
        "plain": "",
        "listed zone.example": "FEATURE(`delay_checks')dnl\nFEATURE(`dnsbl', `zone.example')dnl\n",
        "tls offered": """\
define(`confDONT_BLAME_SENDMAIL',`groupwritabledirpathsafe,truststickybit')dnl
define(`confCACERT_PATH', `{folder}')dnl
define(`confCACERT', `{folder}/certificate.pem')dnl
define(`confSERVER_CERT', `{folder}/certificate.pem')dnl
define(`confSERVER_KEY', `{folder}/key.pem')dnl
""",
    }
    date = rb"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4})"
    masks = [
        (rb"; " + date, rb"; DATE"),
        (rb"250-AUTH [A-Z0-9 -]+\r\n", b""),
        (rb"334 [A-Za-z0-9+/=]{40,}", b"334 CHALLENGE"),
        (rb"\b[0-9A-Za-x]{6}[0-9A-Za-z]{2}\d{6}\b", b"ID"),
    ]
    settings = """\
divert(0)dnl
define(`_USE_ETC_MAIL_')dnl
define(`_CF_DIR_',`{cf}/')dnl
include(`{cf}/m4/cf.m4')dnl
VERSIONID(`$Id: sendmail.mc, v 8.17.1.9-2+deb12u2 2024-06-16 21:07:57 cowboy Exp $')
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet,  Name=MTA-v4, Port={port}, Addr={address}')dnl
define(`confPRIVACY_FLAGS',dnl
`needmailhelo,needexpnhelo,needvrfyhelo,restrictqrun,restrictexpand,nobodyreturn,authwarnings')dnl
define(`confBAD_RCPT_THROTTLE',`3')dnl
define(`confDOMAIN_NAME',`{host}')dnl
define(`confPID_FILE',`{folder}/pid')dnl
define(`QUEUE_DIR',`{folder}/queue')dnl
define(`ALIAS_FILE',`{folder}/aliases')dnl
define(`STATUS_FILE',`{folder}/status')dnl
define(`HELP_FILE',`{root}/etc/mail/helpfile')dnl
define(`confDELIVERY_MODE',`{delivery}')dnl
define(`confSERVICE_SWITCH_FILE',`{folder}/switch')dnl
define(`confDONT_BLAME_SENDMAIL',`groupwritabledirpathsafe,groupwritablealiasfile')dnl
{more}
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`nocanonify')dnl
MAILER_DEFINITIONS
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

    def __init__(self, folder, kind):
        self.root = self.unpack()
        (folder / "queue").mkdir(mode=0o700)
        (folder / "aliases").write_text("")
        (folder / "switch").write_text("hosts files\naliases files\n")
        certificate(folder)
        words = {
            "cf": self.root / "usr/share/sendmail/cf", "root": self.root, "folder": folder, "host": HOST,
            "address": SERVER[0], "port": SERVER[1], "delivery": "background",
        }
        words["more"] = self.more[kind].format(**words)
        (folder / "sendmail.mc").write_text(self.settings.format(**words))
        self.config = folder / "sendmail.cf"
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.root / LIBRARIES)}
        with self.config.open("w") as file:
            command = [self.root / "usr/bin/m4", "-I", words["cf"], folder / "sendmail.mc"]
            subprocess.run(command, check=True, stdout=file, env=environment)

    def start(self):
        self.spawn(self.root / "usr/libexec/sendmail/sendmail", "-bD", f"-C{self.config}")
