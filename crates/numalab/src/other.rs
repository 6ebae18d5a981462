//! Another build of this program, of which the samples of its sessions are made.
//!
//! It is opened once and started from what was opened: a file that is replaced meanwhile changes nothing, as with this
//! program's own. It says itself which build it is, and which version of the child's protocol it speaks.

use crate::apart::{text_of, wait};
use crate::exit::{Exit, USAGE};
use plan::manifest::Program;
use runner::frame::VERSION;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What a build may take to say who it is; this one takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// It says less than this.
const SAYS_MOST: u64 = 64 << 10;

/// Another build.
pub(crate) struct Other {
    /// Where it was found, whole.
    pub(crate) path: PathBuf,
    /// What it says of itself, and the sum of its file.
    pub(crate) program: Program,
    file: File,
}

/// What `__build` prints.
#[derive(serde::Serialize, serde::Deserialize)]
struct Told {
    /// Version of the frames between a run and the process of a sample.
    numalab_protocol: u32,
    program: Program,
}

/// What this program says of itself, one line of JSON.
pub(crate) fn told(program: Program) -> String {
    let told = serde_json::to_string(&Told { numalab_protocol: VERSION, program });
    format!("{told}\n", told = told.expect("plain data becomes JSON"))
}

impl Other {
    /// Opens it and asks who it is.
    pub(crate) fn open(path: &Path) -> Result<Other, Exit> {
        let name = path.display();
        let refuse = |why: String| Exit::new(USAGE, format!("{name}: {why}"));
        if path.is_dir() {
            return Err(refuse("a folder, not a numalab".into()));
        }
        let mut file = File::open(path).map_err(|error| refuse(format!("cannot be opened: {error}")))?;
        let sha256 =
            runner::manifest::sha256_of(&mut file).map_err(|error| refuse(format!("cannot be read: {error}")))?;
        let path = path.canonicalize().map_err(|error| refuse(format!("cannot be found: {error}")))?;
        let said = ask(&started_from(&file)).map_err(|error| refuse(format!("cannot be started: {error}")))?;
        let Ok(Told { numalab_protocol, program }) = serde_json::from_str::<Told>(&said) else {
            return Err(refuse("not a numalab, or one from before run --against: it does not answer __build".into()));
        };
        if numalab_protocol != VERSION {
            return Err(refuse(format!(
                "numalab {version} of {commit} speaks version {numalab_protocol} of the child's protocol, this one version \
                 {VERSION}; compare builds that speak the same",
                version = program.version,
                commit = program.commit
            )));
        }
        Ok(Other { path, program: Program { sha256, ..program }, file })
    }

    /// A name under which the system starts what was opened, as long as this process lives.
    pub(crate) fn program_path(&self) -> String {
        started_from(&self.file)
    }
}

fn started_from(file: &File) -> String {
    format!("/proc/{pid}/fd/{fd}", pid = std::process::id(), fd = file.as_raw_fd())
}

/// What it prints; whatever it is, it gets little time and room.
fn ask(program: &str) -> std::io::Result<String> {
    let mut command = Command::new(program);
    command.arg("__build").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut out = child.stdout.take().map(|out| out.take(SAYS_MOST));
    let (sender, said) = mpsc::channel();
    // Nobody listens any more where it took too long.
    std::thread::spawn(move || drop(sender.send(text_of(out.as_mut()))));
    wait(&mut child, PATIENCE)?;
    // What it started may hold the pipe when it is gone.
    Ok(said.recv_timeout(Duration::from_secs(1)).unwrap_or_default())
}
