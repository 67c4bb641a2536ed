//! Real reports and the samples of XARF. They are no part of the project; what is expected of them was taken down by hand.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::Path;

use complaints::{Complaint, Format, NotOne, read};
use sha2::{Digest, Sha256};

/// The files of a set with this extension, by their path in it; none, and a word, where the set is absent.
fn set(name: &str, extension: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let Some(root) = specimen::shared_data(name, Path::new(env!("CARGO_TARGET_TMPDIR"))) else { return files };
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// One report: its file, format and kind; the address, whether derived; when it happened and what tells so; how many
/// recipients, domains and faults; a digest of its texts.
type Expected =
    (&'static str, Format, &'static str, &'static str, bool, &'static str, &'static str, [usize; 3], &'static str);

const REPORTS: [Expected; 16] = {
    use Format::{Arf, Forwarded};
    [
        ("01", Arf, "abuse", "192.0.2.89", false, "2009-04-29T00:00:00Z", "report", [0, 1, 0], "5b0efd9102b68eed"),
        ("02", Arf, "abuse", "192.0.2.8", true, "2013-04-30T07:45:50Z", "report", [1, 1, 0], "7184737f0d0d1d17"),
        ("11", Arf, "abuse", "192.0.2.2", true, "2006-04-09T14:34:45Z", "received", [0, 0, 0], "5db0fb44e19fd79b"),
        ("12", Arf, "opt-out", "192.0.2.89", true, "2006-04-09T14:34:45Z", "received", [0, 0, 0], "c04299c8bc720b9c"),
        ("14", Arf, "abuse", "192.0.2.2", true, "2017-04-29T23:34:45Z", "report", [1, 1, 0], "f73f8342b43fc59c"),
        ("15", Arf, "abuse", "192.0.2.222", false, "2015-04-29T23:34:45Z", "report", [0, 0, 0], "4c54f79c5c56e1db"),
        ("16", Arf, "abuse", "192.0.2.1", false, "2015-04-29T23:34:45Z", "report", [7, 2, 0], "1fd5a23e38a3a194"),
        ("17", Arf, "abuse", "192.0.2.3", false, "2016-04-29T23:34:45Z", "report", [2, 0, 0], "d01d8b1a29da3d3c"),
        (
            "18",
            Arf,
            "auth-failure",
            "192.0.2.222",
            false,
            "2015-04-29T23:34:45Z",
            "report",
            [1, 1, 0],
            "ea23a4e8850ece6f",
        ),
        (
            "19",
            Arf,
            "auth-failure",
            "203.0.113.2",
            false,
            "2015-04-29T14:34:45Z",
            "report",
            [0, 1, 0],
            "23918499f21abc08",
        ),
        (
            "20",
            Arf,
            "auth-failure",
            "203.0.113.2",
            false,
            "2015-04-29T23:34:45Z",
            "received",
            [0, 1, 0],
            "a3b969ce937021ec",
        ),
        ("21", Arf, "abuse", "198.51.100.224", false, "2015-04-29T23:34:45Z", "report", [0, 0, 0], "2f8fa7c27c9e84c5"),
        (
            "22",
            Forwarded,
            "abuse",
            "192.0.2.222",
            false,
            "2016-04-29T23:34:45Z",
            "received",
            [1, 0, 0],
            "76bfd05a39730563",
        ),
        (
            "23",
            Forwarded,
            "abuse",
            "192.0.2.222",
            false,
            "2016-04-29T23:34:45Z",
            "received",
            [1, 0, 0],
            "76bfd05a39730563",
        ),
        (
            "24",
            Forwarded,
            "abuse",
            "192.0.2.222",
            false,
            "2016-04-29T23:34:45Z",
            "received",
            [1, 0, 0],
            "76bfd05a39730563",
        ),
        // The publisher put an address of a private network in the place of the real one.
        ("25", Arf, "abuse", "10.0.0.1", false, "2020-10-31T18:02:57Z", "report", [1, 1, 1], "656f53311f225740"),
    ]
};

/// Reporter, account, Message-ID, program and envelope id of a report, each on a line. The digests of the table were
/// computed with another reader of mails.
fn digest(complaint: &Complaint) -> String {
    let Complaint { reporter, account, message_id, agent, envelope_id, .. } = complaint;
    let texts = [reporter, account, message_id, agent, envelope_id].map(|text| text.clone().unwrap_or_default());
    let digest = Sha256::digest(texts.join("\n").as_bytes());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_real_report_has_its_fields() {
    for (data, folder) in [("abuse-reports", "arf"), ("sisimai-bounces", "messages")] {
        let files = set(data, "eml");
        for (name, format, kind, source, derived, at, timed_by, counts, texts) in REPORTS {
            let Some(mail) = files.get(&format!("{folder}/arf-{name}.eml")) else { continue };
            let found = read(mail).unwrap();
            assert_eq!((found.format, found.kind.as_str()), (format, kind), "{name}");
            assert_eq!((found.source, found.derived), (source.parse().ok(), derived), "{name}");
            let timed = found.timed_by.map(|timed_by| timed_by.name());
            assert_eq!((found.happened_at, timed), (at.parse().ok(), Some(timed_by)), "{name}");
            let lengths = [found.recipients.kept.len(), found.domains.len(), found.faults.len()];
            assert_eq!((lengths, found.recipients.left_out, found.incidents), (counts, 0, 1), "{name}");
            assert_eq!((found.source_port, found.passage.as_ref()), (None, None), "{name}");
            assert_eq!(digest(&found), texts, "{name}: {found:?}");
        }
        assert!(files.is_empty() || files.keys().filter(|name| name.contains("/arf-")).count() == REPORTS.len() + 1);
        if let Some(mail) = files.get(&format!("{folder}/arf-26.eml")) {
            assert_eq!(read(mail), Err(NotOne::OptOut), "a mail program asks to take its user off a list");
        }
    }
}

#[test]
fn bounces_and_replies_of_programs_are_told_from_reports() {
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (name, mail) in set("sisimai-bounces", "eml") {
        let group =
            ["/arf-", "/rfc3464-", "/rfc3834-"].into_iter().find(|group| name.contains(group)).unwrap_or("others");
        let what = read(&mail).map_or_else(|what| what.to_string(), |complaint| complaint.format.name().to_owned());
        *counts.entry((group, what)).or_default() += 1;
    }
    let expected = [
        (("/arf-", "a wish to be taken off a list"), 1),
        (("/arf-", "arf"), 13),
        (("/arf-", "forwarded"), 3),
        (("/rfc3464-", "a bounce"), 36),
        (("/rfc3834-", "an automatic reply"), 6),
        // Bounces that look like no bounce: notices in JSON, of list programs, of filters, in Japanese.
        (("others", "a bounce"), 556),
        (("others", "no format that is known"), 14),
    ];
    let expected = expected.map(|((group, what), count)| ((group, what.to_owned()), count));
    assert!(counts.is_empty() || counts == BTreeMap::from(expected), "{counts:#?}");
}

#[test]
fn samples_of_xarf_that_must_pass_pass_alone_and_in_a_mail() {
    let files = set("abuse-reports", "json");
    let mut passed = 0;
    for (name, document) in files.iter().filter(|(name, _)| name.contains("/positive/")) {
        let complaint = read(document).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((complaint.format, complaint.faults.len()), (Format::Xarf3, 0), "{name}");
        assert!(complaint.happened_at.is_some() && !complaint.kind.is_empty(), "{name}");
        let has_source = complaint.source.is_some() || !complaint.urls.is_empty();
        assert!(has_source || complaint.kind == "potentiallycompromisedaccount", "{name}");
        let mail = [&b"From: <a@p.example>\nContent-Type: application/json\n\n"[..], document].concat();
        let of_mail = read(&mail).unwrap();
        let reporter = complaint.reporter.clone().or(Some("p.example".into()));
        assert_eq!(Complaint { reporter, ..complaint }, of_mail, "{name}");
        passed += 1;
    }
    assert_eq!(passed, if files.is_empty() { 0 } else { 102 });
}

/// Where each sample that must fail is wrong. One that is wrong in several places fails at the first.
const BROKEN: [(&str, &str); 51] = [
    ("harassment_sample_no_description", "Report/ReportType"),
    ("harassment_sample_no_harasser", "Report/ReportType"),
    ("invalid_additional_fields", "Report/Custom/*"),
    ("invalid_b64_flag", "Report/Samples/0/Base64Encoded"),
    ("invalid_byte_count", "Report/ByteCount"),
    ("invalid_date", "Report/Date"),
    ("invalid_destination", "Report/DestinationIp"),
    ("invalid_destination2", "Report/DestinationIp"),
    ("invalid_email_as_identifier_potentially_compromised_account", "Report/Account/AccountIdentifier"),
    ("invalid_emails", "Report/SmtpMailFromAddress"),
    ("invalid_empty", "Disclosure"),
    ("invalid_empty_account", "Report/Account"),
    ("invalid_exploit_wrong_cve", "Report/CVE"),
    ("invalid_exploit_wrong_vector", "Report/CVSS/Vector"),
    ("invalid_exploit_wrong_version", "Report/CVSS/Version"),
    ("invalid_file_hash", "Report/FileHash/HashAlgorithm"),
    ("invalid_file_info", "Report/FileSize"),
    ("invalid_first_seen", "Report/FirstSeen"),
    ("invalid_host_name", "Report/RpzDomain"),
    ("invalid_infringed_props", "Report/InfringedMaterial"),
    ("invalid_internal_processing_wrong_data_type", "InternalProcessing/SubscriberInformation/ID"),
    ("invalid_ip", "Report/SourcePort"),
    ("invalid_ip2", "Report/SourceIp"),
    ("invalid_missing_account", "Report/Account"),
    ("invalid_missing_report", "Report"),
    ("invalid_missing_report_class_report_type", "Report/ReportClass"),
    ("invalid_missing_reporter", "Disclosure"),
    ("invalid_missing_reporter_props", "Disclosure"),
    ("invalid_missing_reporter_props2", "Disclosure"),
    ("invalid_missing_reporter_props3", "Disclosure"),
    ("invalid_missing_reporter_props4", "Disclosure"),
    ("invalid_missing_reporter_props5", "Disclosure"),
    ("invalid_missing_url", "Report/SourceUrl"),
    ("invalid_on_behalf_of", "OnBehalfOf/ComplainantOrg"),
    ("invalid_openservice", "Report/ServiceName"),
    ("invalid_openservice2", "Report/TransportProtocol"),
    ("invalid_openservice3", "Report/ServiceName"),
    ("invalid_openservice4", "Report/ServiceName"),
    ("invalid_openservice_missing_service", "Report/ServiceName"),
    ("invalid_ports", "Report/SourcePort"),
    ("invalid_report_class_report_type", "Report/ReportClass"),
    ("invalid_report_class_report_type2", "Report/ReportType"),
    ("invalid_report_part", "Report/Date"),
    ("invalid_reporter_metadata", "Report/ReporterCaseID"),
    ("invalid_reporter_metadata2", "Report/ReporterCaseID"),
    ("invalid_sample", "Report/Samples"),
    ("invalid_sample_2", "Report/Samples/0/ContentType"),
    ("invalid_type", "Report/ReportType"),
    ("invalid_used_ip_in_potentially_compromised_account", "Report/Account/AccountIdentifier"),
    ("invalid_used_url_in_potentially_compromised_account", "Report"),
    ("invalid_version", "Version"),
];

#[test]
fn samples_of_xarf_that_must_fail_fail_where_they_are_wrong() {
    let files = set("abuse-reports", "json");
    let mut failed = 0;
    for (path, document) in files.iter().filter(|(name, _)| name.contains("/negative/")) {
        let (folder, file) = path.rsplit_once('/').unwrap();
        let name = file.trim_end_matches(".json");
        // Before version 3 a reporter may have any member, and this one lacks others.
        let is_old = ["alpha", "1", "2"].into_iter().any(|version| folder.ends_with(version));
        let place = match name {
            "invalid_reporter_info" if is_old => "ReporterInfo/ReporterOrg",
            "invalid_reporter_info" => "ReporterInfo",
            _ => BROKEN.iter().find(|(broken, _)| *broken == name).unwrap().1,
        };
        match read(document) {
            Err(NotOne::Malformed(fault)) => assert_eq!(fault.place, place, "{path}: {fault}"),
            other => panic!("{path}: {other:?}"),
        }
        failed += 1;
    }
    assert_eq!(failed, if files.is_empty() { 0 } else { 206 });
}
