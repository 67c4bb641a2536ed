//! Passwords that clients offer: sealed before any disk has them, opened by the operator's key alone.

use std::path::Path;
use std::process::{Command, Stdio};

use specimen::{has_program, skip};

use crate::observatory::{Observatory, VISIBLE_WITHIN, spamtrail};

const WORDS: [&str; 3] = ["alphabet", "bravo123", "charlie7"];

#[test]
fn guessed_passwords_are_sealed_on_every_disk_and_opened_by_the_key_alone() {
    if !has_program("hydra") {
        return;
    }
    let observatory = Observatory::start();
    for word in WORDS {
        let port = observatory.mail.to_string();
        let mut hydra = Command::new("timeout");
        hydra.args(["60", "hydra", "-I", "-l", "joe", "-p", word, "-t", "1", "-s", &port, "127.0.0.1", "smtp"]);
        hydra.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        nowhere(&observatory.data);
    }
    observatory.wait_for("SELECT count(*) FROM (SELECT unnest(login_users) FROM sessions)", 3, VISIBLE_WITHIN);
    nowhere(&observatory.data);
    for query in ["SELECT * FROM sessions", "SELECT * FROM messages"] {
        let rows = observatory.sql(query).concat().concat();
        assert!(!WORDS.iter().any(|word| rows.contains(word)), "{query}");
    }

    let masked = observatory.ask(&["logins"]);
    let text = String::from_utf8(masked.stdout).unwrap();
    assert_eq!(text.matches("\tjoe\t********\t").count(), 3, "{text}");
    assert!(!observatory.data.join("reveals.log").exists(), "nothing was opened");

    let key = observatory.data.join("seal/seal.key");
    let opened = observatory.ask(&["logins", "--json", "--since", "1h", "--reveal", key.to_str().unwrap()]);
    let lines = String::from_utf8(opened.stdout).unwrap();
    for (line, word) in lines.lines().zip(WORDS) {
        let login: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((login["user"].as_str(), login["secret"].as_str()), (Some("joe"), Some(word)), "{line}");
    }
    assert_eq!(lines.lines().count(), 3);
    assert!(String::from_utf8_lossy(&opened.stderr).contains("3 passwords of third parties are opened"));
    let notes = std::fs::read_to_string(observatory.data.join("reveals.log")).unwrap();
    assert!(notes.lines().count() == 1 && notes.contains("\"opened\":3"), "{notes}");
    libsodium_opens(&observatory, &key);

    let other = observatory.data.join("other");
    let out = other.join("identity");
    let mut enroll = spamtrail(&["enroll", "BR-02", "--data", other.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(enroll.status().unwrap().success() && out.join("seal.pub").exists());
    for (file, says) in
        [("other/seal/seal.key", "key of another seal"), ("seal/seal.pub", "holds no spamtrail-seal-key")]
    {
        let refused = observatory.ask(&["logins", "--reveal", observatory.data.join(file).to_str().unwrap()]);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "{error}");
        assert!(error.contains(says), "{error}");
    }
    observatory.stop();
}

/// No file of the folder has one of the words.
fn nowhere(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            nowhere(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!WORDS.iter().any(|word| holds(word)), "{}", path.display());
        }
    }
}

/// Another program opens them too: they are sealed boxes of libsodium.
fn libsodium_opens(observatory: &Observatory, key: &Path) {
    const SCRIPT: &str = "import base64, sys, nacl.public as p\n\
        box = p.SealedBox(p.PrivateKey(base64.b64decode(open(sys.argv[1]).read().split()[1])))\n\
        for sealed in sys.argv[2:]:\n\
        \tprint(box.decrypt(bytes.fromhex(sealed)))\n";
    if !Command::new("python3").args(["-c", "import nacl"]).stderr(Stdio::null()).status().unwrap().success() {
        skip("python3 has no module nacl");
        return;
    }
    let rows = observatory.sql("SELECT unnest(login_secrets) FROM sessions");
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(key).args(rows.concat());
    let output = python.output().unwrap();
    let opened = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(WORDS.iter().all(|word| opened.contains(word)), "{opened} {}", String::from_utf8_lossy(&output.stderr));
}
