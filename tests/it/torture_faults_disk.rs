//! Faults of the machine: a full disk, and steps of its clock.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::database::Database;
use crate::support::fault_injection::Seed;
use crate::support::process::Process;
use crate::torture_faults::{endure, observe, say_impossible, settings};

/// A small file system in memory. Dropping it removes it; its files must be closed by then.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_after_the_disk_was_full() {
    let seed = Seed::new();
    let Some(disk) = SmallDisk::mount() else {
        return say_impossible("full disk", "it needs the right to mount a file system");
    };
    let folder = tempfile::tempdir_in(disk.path()).expect("a folder on the small disk");
    let database = Database::sqlite_in(folder);
    let process = Process::start(&database, &settings()).await;
    let observation = observe(&process, &seed).await;
    let filler = disk.path().join("filler");
    // Ends when the disk is full.
    let _ = std::fs::write(&filler, vec![0; 64 << 20]);
    endure().await;
    std::fs::remove_file(&filler).expect("the file is removed");
    let recovered = observation.wait_for_success().await;
    let mut figures = observation.stop(&process).await;
    process.stop().await;
    figures.more = format!("; first order after {} ms", recovered.as_millis());
    figures.report("full disk", &database);
    drop(database);
}

/// The library that gives a process another clock, as the package `faketime` of Debian installs it.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.map_while(Result::ok);
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    files.find(|path| path.exists())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_continue_while_the_clock_steps() {
    let seed = Seed::new();
    let Some(library) = faketime() else {
        return say_impossible("clock steps", "libfaketime is not installed");
    };
    let database = Database::sqlite();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let offset = folder.path().join("offset");
    std::fs::write(&offset, "+0").expect("the offset is written");
    let mut variables = settings();
    variables.extend([
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", offset.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]);
    let process = Process::start(&database, &variables).await;
    let observation = observe(&process, &seed).await;
    // The times are relative to the real clock: an hour ahead, an hour behind, and back.
    for step in ["+3600", "-3600", "+0"] {
        std::fs::write(&offset, step).expect("the offset is written");
        observation.wait_for_success().await;
        endure().await;
    }
    let figures = observation.stop(&process).await;
    process.stop().await;
    figures.report("clock steps", &database);
}
