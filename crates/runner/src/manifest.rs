//! What is true here and now, and manifest.json made from it: who measures what, where and with what.

use crate::executor::Executor;
use plan::manifest::{FORMAT, Manifest, Program, TOPOLOGY_UNSURE};
use plan::point::Plan;
use plan::record::Timing;
use plan::session::Session;
use plan::topology::{Conditions, RuntimeProgram, Topology};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io;

/// Facts of the machine that make it another machine when they change: a resumed run must find them as they were.
const IDENTITY: &[&str] = &["arch", "kernel", "cpu_model", "microcode"];

/// The fact that names what disturbed this host when the run began.
pub const DISTURBING: &str = "disturbing";

/// This machine, this program, this call.
#[derive(Debug, Clone, PartialEq)]
pub struct Here {
    /// Name of the host; also of its folder in results/.
    pub host: String,
    /// Its topology.
    pub topology: Topology,
    /// What it grants.
    pub conditions: Conditions,
    /// hwloc's XML of it; empty where there is none.
    pub xml: String,
    /// How far its times can be believed …
    pub timing: Timing,
    /// … and why.
    pub timing_evidence: Vec<String>,
    /// Kernel, processor, memory, libraries, settings.
    pub machine: BTreeMap<String, String>,
    /// The program whose samples will be made: this one, or in a session of another build that one.
    pub program: Program,
    /// The command line as typed.
    pub command: Vec<String>,
    /// Which session of which series the run is, where two builds are measured in turn.
    pub session: Option<Session>,
}

impl Here {
    /// The machine this process runs on.
    pub fn live(machine: &host::Machine, program: Program, command: Vec<String>) -> Here {
        let (timing, timing_evidence) = host::timing::timing_class();
        let mut facts = host::facts::machine_facts();
        let disturbing = host::doctor::disturbing(machine).join(", ");
        if !disturbing.is_empty() {
            facts.insert(DISTURBING.into(), disturbing);
        }
        let unsure = machine.disagreements().join("; ");
        if !unsure.is_empty() {
            facts.insert(TOPOLOGY_UNSURE.into(), unsure);
        }
        Here {
            host: host_name(),
            topology: machine.topology().clone(),
            conditions: machine.conditions().clone(),
            xml: machine.xml().into(),
            timing,
            timing_evidence,
            machine: facts,
            program,
            command,
            session: None,
        }
    }

    /// Looks for the programs that these subjects need, on the machine that measures; of a model they are known.
    pub fn look_for_programs<'a>(&mut self, subjects: impl IntoIterator<Item = &'a str>) {
        if self.timing != Timing::Modelled {
            self.conditions.programs = crate::subject::programs(subjects);
        }
    }

    /// Believes times no more than is asked; never more than the evidence says.
    pub fn lower_timing(&mut self, asked: Timing) {
        let found = self.timing;
        self.timing = host::timing::lower(found, Some(asked));
        let what = if self.timing == found { "and changes nothing" } else { "and lowers it" };
        self.timing_evidence.push(format!("--timing {asked} was given {what}"));
    }

    /// The same for a session: its program is that of its build.
    pub fn in_session(&self, session: Session) -> Here {
        Here { program: session.program().clone(), session: Some(session), ..self.clone() }
    }

    /// A machine that is only modelled, under the name `model`.
    pub fn modelled(topology: Topology, xml: String, program: Program, command: Vec<String>) -> Here {
        Here {
            host: "model".into(),
            topology,
            conditions: Conditions { programs: crate::subject::unmodelled_programs(), ..Conditions::ideal() },
            xml,
            timing: Timing::Modelled,
            timing_evidence: vec!["computed by a queueing model; nothing was measured".into()],
            machine: BTreeMap::new(),
            program,
            command,
            session: None,
        }
    }

    /// The manifest of a run of `plan`, whose file is `plan_toml`.
    pub(crate) fn manifest(
        &self,
        plan: &Plan,
        plan_toml: &str,
        run_id: &str,
        started_utc: &str,
        executor: &dyn Executor,
    ) -> Manifest {
        Manifest {
            format: FORMAT,
            run_id: run_id.into(),
            experiment: plan.experiment.clone(),
            started_utc: started_utc.into(),
            host: self.host.clone(),
            source: executor.source().into(),
            seed: plan.measure.seed,
            timing: self.timing,
            timing_evidence: self.timing_evidence.clone(),
            program: self.program.clone(),
            machine: self.machine.clone(),
            conditions: Conditions { programs: self.programs_of(plan), ..self.conditions.clone() },
            plan_sha256: sha256(plan_toml.as_bytes()),
            machine_sha256: self.machine_sha256(),
            command: self.command.clone(),
            model: executor.assumes(),
            session: self.session.clone(),
        }
    }

    /// Of the subjects that the plan runs.
    fn programs_of(&self, plan: &Plan) -> BTreeMap<String, RuntimeProgram> {
        let runs = |subject: &String| plan.points.iter().any(|point| point.subject == *subject);
        self.conditions.programs.clone().into_iter().filter(|(subject, _)| runs(subject)).collect()
    }

    /// SHA-256 of what does not change about this machine: shape, what is allowed, kernel, processor.
    pub(crate) fn machine_sha256(&self) -> String {
        let identity: Vec<_> = IDENTITY.iter().map(|name| self.machine.get(*name)).collect();
        let text = serde_json::to_string(&(&self.host, self.topology.lasting(), identity));
        sha256(text.expect("plain data becomes JSON").as_bytes())
    }

    /// What differs between the machine of a manifest and this one, then and now, in words.
    pub(crate) fn differs_from(&self, manifest: &Manifest, topology: Option<&Topology>) -> String {
        let mut differences = Vec::new();
        let mut compare = |what: &str, then: &str, now: &str| {
            if then != now {
                differences.push(format!("{what} was {then} and is {now}"));
            }
        };
        compare("host", &manifest.host, &self.host);
        for name in IDENTITY {
            let text = |facts: &BTreeMap<String, String>| facts.get(*name).cloned().unwrap_or_else(|| "unknown".into());
            compare(name, &text(&manifest.machine), &text(&self.machine));
        }
        if let Some(then) = topology {
            let now = &self.topology;
            compare("allowed PUs", &then.allowed_pus.to_string(), &now.allowed_pus.to_string());
            compare("allowed nodes", &then.allowed_nodes.to_string(), &now.allowed_nodes.to_string());
            compare("online PUs", &then.pu_set().to_string(), &now.pu_set().to_string());
            compare("nodes", &then.node_set().to_string(), &now.node_set().to_string());
            if differences.is_empty() {
                let tree = |topology: &Topology| serde_json::to_value(topology.lasting()).unwrap_or_default();
                differences.extend(crate::admit::differences(&tree(then), &tree(now)));
            }
        }
        if differences.is_empty() { "its topology changed".into() } else { differences.join(", ") }
    }
}

/// SHA-256 of the running executable, hex.
///
/// # Errors
/// What reading /proc/self/exe answers.
pub fn executable_sha256() -> io::Result<String> {
    sha256_of(&mut File::open("/proc/self/exe")?)
}

/// SHA-256 of bytes, hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of what a reader gives, hex.
///
/// # Errors
/// What reading answers.
pub fn sha256_of(reader: &mut impl io::Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// The host's name, without a domain, as a name of a folder.
pub fn host_name() -> String {
    let name = host::Root::system().text("proc/sys/kernel/hostname").unwrap_or_default();
    folder_name(name.split('.').next().unwrap_or_default())
}

/// Letters, digits, `-` and `_` of a name; never empty, never hidden, never a way out of a folder.
pub(crate) fn folder_name(name: &str) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name: String = name.chars().map(safe).collect();
    if name.is_empty() { "unnamed".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders_cannot_leave_the_results() {
        let check = |name: &str, expect: &str| assert_eq!(folder_name(name), expect);
        check("host-1", "host-1");
        check("../../etc", "______etc");
        check(".hidden", "_hidden");
        check("", "unnamed");
    }

    #[test]
    fn sums_are_those_of_sha256sum() {
        // FIPS 180-2, appendix B.1.
        let expect = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expect);
        assert_eq!(sha256_of(&mut &b"abc"[..]).unwrap(), expect);
    }
}
