//! `numalab gather`: this host in one file that another person can send, and `--input FILE.json` reads.

use crate::args::Gather;
use crate::exit::{Exit, FAILED, WithCode, print, say};
use crate::run::program;
use host::doctor::examine;
use plan::gathered::{FORMAT, Finding, Gathered, without_identity, xml_lines};
use plan::topology::Conditions;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

pub(crate) fn gather(args: &Gather) -> Result<(), Exit> {
    let machine = host::probe().code(FAILED)?;
    let (timing, timing_evidence) = host::timing::timing_class();
    let finding = |found: host::doctor::Finding| Finding {
        name: found.name,
        value: found.value,
        verdict: found.verdict.word().into(),
        remedy: found.remedy,
    };
    let gathered = Gathered {
        gathered: FORMAT,
        host: args.host_name.then(runner::manifest::host_name),
        program: program()?,
        timing,
        timing_evidence,
        topology: machine.topology().clone(),
        // Whoever plans on this file has other programs: which are here must be in it.
        conditions: Conditions { programs: runner::all_programs(), ..machine.conditions().clone() },
        disagreements: machine.disagreements().to_vec(),
        facts: without_identity(host::facts::machine_facts()),
        findings: examine(&machine).into_iter().map(finding).collect(),
        xml: xml_lines(machine.xml()),
    };
    let text = serde_json::to_string_pretty(&gathered).expect("a machine has text keys only") + "\n";
    if args.out == Path::new("-") {
        return print(&text);
    }
    write_new(&args.out, text.as_bytes())?;
    say(&format!(
        "{out}: {shape}; {what}; send it, or look at it with: {program} topo --input {out}",
        program = crate::exit::as_called(),
        out = args.out.display(),
        shape = crate::topo::shape(machine.topology()),
        what = if args.host_name { "with the host's name" } else { "without the host's name" },
    ));
    Ok(())
}

/// Writes a file that was not there; whole or not at all.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Exit> {
    let failed =
        |error: std::io::Error| Exit::new(FAILED, format!("{path}: cannot be written: {error}", path = path.display()));
    let mut file = File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Exit::new(
            FAILED,
            format!("{path}: is there already; name another with --out, or remove it", path = path.display()),
        ),
        _ => failed(error),
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| {
        // Half a machine is none; that it cannot be removed adds nothing.
        let _ = std::fs::remove_file(path);
        failed(error)
    })
}
