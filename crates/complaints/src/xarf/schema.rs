//! The rules of the schemas of abusix/xarf, in our words: members, types of reports, and from which version to which they
//! hold. The reference `complaints.md` says it for people.

use super::rule::Rule::{
    Address, Any, Cve, Cvss, Each, Either, Filled, Flag, Host, Instant, List, Long, Mailbox, Object, OneOf, Plain,
    Port, Ports, Text, Uri, Whole,
};
use super::rule::Version::{Alpha, Development, One, Three, Two};
use super::rule::{Field, Rule, Version, may, must};

/// Members of the document; parties and report are looked at one by one.
pub(super) const DOCUMENT: &[Field] =
    &[must("Disclosure", Flag), may("InternalProcessing", Object(INTERNAL)).since(Two)];

/// Members of a reporter: no others, since version 3.
pub(super) const REPORTER: &[Field] = &[
    may("ReporterType", OneOf(&["Org", "Person"])).since(Three),
    may("ReporterOrg", Long(3)),
    may("ReporterOrgDomain", Host),
    may("ReporterOrgEmail", Mailbox),
    may("ReporterOrgAddress", Text),
    may("ReporterContactEmail", Mailbox),
    may("ReporterContactName", Long(3)),
    may("ReporterContactPhone", Long(3)),
];
pub(super) const COMPLAINANT: &[Field] = &[
    may("ComplainantType", OneOf(&["Org", "Person"])).since(Three),
    may("ComplainantOrg", Long(3)),
    may("ComplainantOrgDomain", Host),
    may("ComplainantOrgEmail", Mailbox),
    may("ComplainantContactEmail", Mailbox),
    may("ComplainantContactName", Long(3)),
    may("ComplainantContactPhone", Long(3)),
];

/// What organisations must tell of themselves.
pub(super) const OF_REPORTER: [&str; 3] = ["ReporterOrg", "ReporterOrgDomain", "ReporterOrgEmail"];
pub(super) const OF_COMPLAINANT: [&str; 3] = ["ComplainantOrg", "ComplainantOrgDomain", "ComplainantOrgEmail"];

const INTERNAL: &[Field] = &[
    may("SubscriberInformation", Object(&[may("ID", Text), may("SubscriberData", Each(&Text))])),
    may("ContractInformation", Object(&[may("ID", Text), may("ResolverData", Each(&Text))])),
    may("EventTags", List(&Text)),
];

/// Members of every report.
pub(super) const REPORT: &[Field] = &[
    may("ReportSubType", Text),
    may("ReporterCaseID", Text),
    may("ReporterSeverity", OneOf(&["low", "medium", "high"])),
    may("ReporterNotes", Text),
    may("Custom", Each(&Plain)).since(One),
    must("Date", Instant),
    may("FirstSeen", Instant),
];

pub(super) const SOURCE_PORT: &[Field] = &[may("SourcePort", Port)];
pub(super) const SOURCE_ADDRESS: &[Field] = &[must("SourceIp", Address), may("ASN", Whole(1, 4_199_999_999))];
pub(super) const SOURCE_URL: &[Field] = &[must("SourceUrl", Uri)];
pub(super) const ACCOUNT: &[Field] = &[may("AccountIdentifier", Text), may("AccountEmail", Text)];

const HASH: Rule =
    Object(&[must("HashValue", Text), must("HashAlgorithm", OneOf(ALGORITHMS)), may("HashComplete", Flag)]);
const ALGORITHMS: &[&str] =
    &["sha1", "sha2", "sha3", "sha256", "sha512", "md5", "argon2id", "scrypt", "bcrypt", "pbkdf2"];
const FILE: &[Field] = &[
    must("FileName", Text),
    may("FileSize", Whole(0, i64::MAX)),
    may("FileHash", Text).until(Two),
    may("FileHash", HASH).since(Three),
];
const PART: &[Field] =
    &[must("ContentType", Text), must("Payload", Text), may("Base64Encoded", Flag), may("Description", Text)];
const COMMON: &[Field] = &[may("Ongoing", Flag), may("ThreatActor", Text), may("Samples", Filled(&Either(PART, FILE)))];
const DESTINATION: &[Field] = &[may("DestinationIp", Address), may("DestinationPort", Ports)];
const ATTACKER: &[Field] = &[may("AttackerIp", Address), may("AttackerPort", Ports)];
const TRAFFIC: &[Field] = &[may("ByteCount", Whole(i64::MIN, i64::MAX)), may("PacketCount", Whole(i64::MIN, i64::MAX))];
const MAIL: &[Field] = &[
    may("FromAddress", Mailbox).until(Alpha),
    may("ToAddress", Mailbox).until(Alpha),
    may("SmtpMailFromAddress", Mailbox).since(One),
    may("SmtpRcptToAddress", Mailbox).since(One),
];
const TRANSPORT: &[Field] = &[may("TransportProtocol", OneOf(&["tcp", "udp"]))];
const REWRITE: &[Field] =
    &[may("ReportSubType", OneOf(&["RPZ-Rewrite"])), may("RpzDomain", Host), may("MalwareName", Text)];
const BOTNET: &[Field] = &[may("BotnetName", Text)];
const MALWARE: &[Field] = &[may("MalwareName", Text), must("SourceUrl", Any).until(Two)];
const WITH_URL: &[Field] = &[must("SourceUrl", Any)];
const LINKS: &[Field] = &[may("ReportSubType", OneOf(&["Link-Sharing"]))];
const INFRINGED: &[Field] =
    &[must("InfringedMaterial", Text), may("MaterialType", Text), may("SharingProtocol", Text), may("CourtOrder", Uri)];
const INFRINGING: &[Field] = &[may("InfringingUrl", Uri).until(Alpha)];
const TRADEMARK: &[Field] =
    &[must("TrademarkedMaterial", Text), may("RegistrationOffice", Text), may("RegistrationNumber", Text)];
const SERVICE: &[Field] = &[must("ServiceName", Text), may("ServiceVersion", Text)];
const EXPLOIT: &[Field] = &[may("CVE", Cve), may("CVSS", Cvss), may("ServiceName", Text), may("ServiceVersion", Text)];
const HARASSMENT: &[Field] = &[
    must("Harasser", Text),
    must("HarassmentDescription", Text),
    may("HarassmentType", OneOf(&["doxing", "stalking", "sexual", "believes", "defamation", "extortion", "hate"])),
    may("HarassmentLocation", OneOf(&["website", "chat", "game"])),
];
const PASSWORD: &[Field] = &[may("PasswordHash", HASH)];

/// What a report is about.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    Address,
    AddressOrUrl,
    Account,
}

/// A type of report.
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) subject: Subject,
    since: Version,
    until: Version,
    pub(super) fields: &'static [&'static [Field]],
}

impl Type {
    const fn new(
        name: &'static str,
        class: &'static str,
        subject: Subject,
        fields: &'static [&'static [Field]],
    ) -> Self {
        Self { name, class, subject, since: Alpha, until: Development, fields }
    }

    const fn since(self, version: Version) -> Self {
        Self { since: version, ..self }
    }

    const fn until(self, version: Version) -> Self {
        Self { until: version, ..self }
    }

    pub(super) fn is_in(&self, version: Version) -> bool {
        (self.since..=self.until).contains(&version)
    }
}

const ACTIVITY: &str = "Activity";
const CONTENT: &str = "Content";

/// A name that stands twice is told apart by its class.
pub(super) const TYPES: &[Type] = &[
    Type::new("Spam", ACTIVITY, Subject::Address, &[DESTINATION, COMMON, MAIL]),
    Type::new("DOS", ACTIVITY, Subject::Address, &[DESTINATION, TRAFFIC, COMMON]),
    Type::new("LoginAttack", ACTIVITY, Subject::Address, &[DESTINATION, TRAFFIC, COMMON]),
    Type::new("PortScan", ACTIVITY, Subject::Address, &[DESTINATION, TRAFFIC, COMMON]),
    Type::new("Malware", ACTIVITY, Subject::Address, &[REWRITE]),
    Type::new("Malware", CONTENT, Subject::AddressOrUrl, &[MALWARE, COMMON]),
    Type::new("Phishing", CONTENT, Subject::AddressOrUrl, &[WITH_URL, COMMON]),
    Type::new("Botnet", CONTENT, Subject::AddressOrUrl, &[BOTNET, COMMON]),
    Type::new("ChildAbuse", CONTENT, Subject::AddressOrUrl, &[]).until(Three),
    Type::new("ChildSexualAbuseMaterial", CONTENT, Subject::AddressOrUrl, &[LINKS]).since(Development),
    Type::new("Copyright", CONTENT, Subject::AddressOrUrl, &[INFRINGED, INFRINGING, FILE]),
    Type::new("Trademark", CONTENT, Subject::AddressOrUrl, &[TRADEMARK, INFRINGING]),
    Type::new("OpenService", "Vulnerability", Subject::AddressOrUrl, &[TRANSPORT, SERVICE, COMMON]).since(One),
    Type::new("WebCrawler", ACTIVITY, Subject::AddressOrUrl, &[COMMON]).since(Three),
    Type::new("Harassment", ACTIVITY, Subject::AddressOrUrl, &[HARASSMENT, COMMON]).since(Three),
    Type::new("Exploit", ACTIVITY, Subject::Address, &[TRANSPORT, EXPLOIT, DESTINATION, COMMON]).since(Three),
    Type::new("PotentiallyCompromisedAccount", ACTIVITY, Subject::Account, &[ATTACKER, DESTINATION, COMMON, PASSWORD])
        .since(Three),
];
