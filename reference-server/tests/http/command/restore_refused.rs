//! What `mono restore` refuses, and what is left of one that was killed: nothing.

use super::backup::{Place, change, copied, data, is_alive, said};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Spoils the backup in a folder.
type Spoil<'s> = &'s dyn Fn(&Path);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_backup_is_refused_before_anything_is_touched() {
    for source in Place::all().await {
        source.install();
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup");
        source.back_up(&backup);
        let mut held: Vec<String> = std::fs::read_dir(&backup)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
                entry.file_name().into_string().unwrap()
            })
            .collect();
        held.sort();
        assert_eq!(held.len(), 3, "{held:?}");
        assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o700);
        let told = source.fail(&["backup", "--to", backup.to_str().unwrap()]);
        assert!(told.contains("is there already"), "{told}");

        let target = source.empty().await;
        let spoils: [(&str, Spoil<'_>, &str); 9] = [
            ("flipped", &flip, "is damaged: database."),
            ("cut", &cut, "was cut off: database."),
            (
                "unfinished",
                &|backup| std::fs::remove_file(backup.join("SHA256SUMS")).unwrap(),
                "no backup, or one that was cut off",
            ),
            ("no-manifest", &|backup| std::fs::remove_file(backup.join("manifest.json")).unwrap(), "cut off"),
            ("no-data", &|backup| std::fs::remove_file(data(backup)).unwrap(), "cut off"),
            (
                "other-manifest",
                &|backup| flip_in(&backup.join("manifest.json")),
                "manifest.json is not as it was written",
            ),
            ("newer-form", &|backup| change(backup, |manifest| manifest.format = 2), "with a newer mono"),
            (
                "newer-tables",
                &|backup| {
                    change(backup, |manifest| {
                        manifest.migrations.get_mut("_mono_migrations").unwrap().push(9999);
                    });
                },
                "are newer than this program",
            ),
            // Whoever counts wrongly has another copy: found when the rows are there, and undone.
            (
                "other-rows",
                &|backup| change(backup, |manifest| manifest.tables[0].rows += 1),
                "has other rows than the manifest says",
            ),
        ];
        for (name, spoil, words) in spoils {
            let spoilt = folder.path().join(name);
            copied(&backup, &spoilt);
            spoil(&spoilt);
            let told = target.fail(&["restore", "--from", spoilt.to_str().unwrap()]);
            assert!(told.contains(words), "{name}: {told}");
        }
        let told = target.fail(&["restore", "--from", "/nowhere"]);
        assert!(told.contains("cut off"), "{told}");
        // The place is as empty as it was.
        target.succeed(&["restore", "--from", backup.to_str().unwrap()]);
        target.succeed(&["doctor"]);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, spoils.len() + 1, "no draft is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_half_way_is_nothing() {
    for source in Place::all().await {
        source.install();
        let folder = tempfile::tempdir().unwrap();
        let (backup, other) = (folder.path().join("backup"), folder.path().join("other"));
        let names = || -> Vec<_> {
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let mut command = source.command(&["backup", "--to", backup.to_str().unwrap()]);
        let mut program = command.spawn().unwrap();
        while names().is_empty() {
            std::thread::yield_now();
        }
        program.kill().unwrap();
        program.wait().unwrap();
        let left = names().remove(0);
        if left != backup {
            assert!(left.to_str().unwrap().contains("backup.unfinished-"), "{left:?}");
            let told = source.empty().await.fail(&["restore", "--from", left.to_str().unwrap()]);
            assert!(told.contains("no backup, or one that was cut off"), "{told}");
        }
        source.back_up(&other);

        let target = source.empty().await;
        let from = ["restore", "--from", other.to_str().unwrap()];
        let mut program = target.command(&from).spawn().unwrap();
        let mut at_work = None;
        while at_work.is_none() && program.try_wait().unwrap().is_none() {
            at_work = target.at_work(&program);
        }
        program.kill().unwrap();
        program.wait().unwrap();
        // What it has started hears no more from it, and ends.
        while at_work.as_deref().is_some_and(is_alive) {}
        let (content, told) = target.run(&from);
        assert!(content || told.contains("is not empty"), "nothing, or everything: {told}");
        target.succeed(&["doctor"]);
    }
}

fn flip_in(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

fn flip(backup: &Path) {
    flip_in(&data(backup));
}

fn cut(backup: &Path) {
    let file = std::fs::OpenOptions::new().write(true).open(data(backup)).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_wants_its_master_key_and_its_kind_of_database() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Place::all().await;
    let mut backups = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        source.install();
        let backup = folder.path().join(number.to_string());
        source.back_up(&backup);
        backups.push(backup);
    }
    for (source, backup) in sources.iter().zip(&backups) {
        let target = source.empty().await;
        let from = ["restore", "--from", backup.to_str().unwrap()];
        let mut wrong = target.command(&from);
        wrong.env("MONO_MASTER_KEY", "b7f0c1d2e3a4958677889900aabbccddeeff00112233445566778899aabbccdd");
        let (content, told) = said(wrong);
        assert!(!content && told.contains("is not the one that this backup was made with"), "{told}");
        let key = std::fs::read(target.path("root.key")).unwrap();
        std::fs::remove_file(target.path("root.key")).unwrap();
        let told = target.fail(&from);
        assert!(told.contains("restored with the master key that it was made with"), "{told}");
        assert!(!target.path("mono.db").exists() && !target.path("root.key").exists(), "nothing is made");
        std::fs::write(target.path("root.key"), key).unwrap();
        std::fs::set_permissions(target.path("root.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        for other in backups.iter().filter(|other| *other != backup) {
            let told = target.fail(&["restore", "--from", other.to_str().unwrap()]);
            assert!(told.contains("this is a backup of "), "{told}");
        }
        let told = source.fail(&from);
        assert!(told.contains("is not empty"), "{told}");
        let mut nobody = target.command(&from);
        let (content, told) = said(nobody.env_remove("MONO_DATABASE_OWNER_URL"));
        assert!(content == target.is_embedded(), "{told}");
        if !content {
            assert!(told.contains("needs the owner's login"), "{told}");
            target.succeed(&from);
        }
    }
}
