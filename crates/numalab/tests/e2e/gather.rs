//! A host gathered in one file, and the way back; XML that libhwloc does not survive.

use crate::program::{answer, numalab, root, run};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The file of this host, in a folder of its own.
fn gathered(folder: &Path) -> Result<PathBuf, Failed> {
    let path = folder.join("box.json");
    let answer = run(&["gather", "--out", &path.to_string_lossy()]);
    answer.expect_code(0)?;
    ensure(answer.out.is_empty() && answer.err.lines().count() == 1, || format!("more than a line: {answer:?}"))?;
    Ok(path)
}

fn json(text: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_str(text)?)
}

/// Refused with code 2 and one line that says so.
fn refused(args: &[&str], code: i32, says: &str) -> Result<(), Failed> {
    let answer = run(args);
    answer.expect_code(code)?;
    ensure(answer.err.contains(says) && answer.err.lines().count() == 1, || format!("not \"{says}\": {}", answer.err))?;
    ensure(answer.out.is_empty(), || format!("something on stdout: {}", answer.out))
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("gather: what comes back is this host", comes_back),
        test("gather: nothing personal, the host's name only where asked for", nothing_personal),
        test("gather: a file in the way, a folder that is not there", in_the_way),
        test("gather: damaged files are refused", damaged),
        test("gather: a machine of another host is planned with what it grants", planned_as_it_grants),
        test("gather: which programs of other runtimes are there", programs_are_kept),
        test("XML that libhwloc does not survive is refused", deadly_xml),
    ]
}

fn comes_back() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = gathered(folder.path())?.to_string_lossy().into_owned();
    // Free memory moves, and the source is the file.
    let still = |text: &str| -> Result<Value, Failed> {
        let mut topology = json(text)?;
        topology["source"] = Value::Null;
        for node in topology["nodes"].as_array_mut().into_iter().flatten() {
            for moving in ["free_bytes", "reclaimable_bytes", "reserved_bytes"] {
                node[moving] = Value::Null;
            }
        }
        Ok(topology)
    };
    let here = run(&["topo", "--format", "json"]);
    let back = run(&["topo", "--format", "json", "--input", &path]);
    back.expect_code(0)?;
    ensure(still(&here.out)? == still(&back.out)?, || format!("{}\n{}", here.out, back.out))?;
    // hwloc reads its part, too.
    let xml = folder.path().join("box.xml");
    fs::write(&xml, run(&["topo", "--format", "xml", "--input", &path]).out)?;
    let from_xml = run(&["topo", "--format", "json", "--input", &xml.to_string_lossy()]);
    from_xml.expect_code(0)?;
    ensure(json(&from_xml.out)?["pus"] == json(&back.out)?["pus"], || from_xml.out.clone())?;
    run(&["plan", "experiments/numa-binding.toml", "--input", &path]).expect_code(0)?;
    // A bare topology.json does as well.
    let bare = folder.path().join("topology.json");
    fs::write(&bare, &here.out)?;
    run(&["plan", "experiments/numa-binding.toml", "--input", &bare.to_string_lossy()]).expect_code(0)?;
    Ok(())
}

fn nothing_personal() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = fs::read_to_string(gathered(folder.path())?)?;
    let packed = json(&text)?;
    for part in ["topology", "conditions", "facts", "findings", "xml", "program", "timing", "timing_evidence"] {
        ensure(!packed[part].is_null(), || format!("no {part}: {text}"))?;
    }
    ensure(packed["facts"]["kernel"].is_string() && packed["host"].is_null(), || text.clone())?;
    for word in ["HostName", "ProcessName", "LinuxCgroup", "Serial", "UUID", "AssetTag", "boot_id"] {
        ensure(!text.contains(word), || format!("{word} is in it: {text}"))?;
    }
    let named = answer(numalab().args(["gather", "--host-name", "--out", "-"]).output()?);
    named.expect_code(0)?;
    let name = fs::read_to_string("/proc/sys/kernel/hostname")?;
    let name = name.trim().split('.').next().unwrap_or_default().to_string();
    ensure(json(&named.out)?["host"].as_str().is_some_and(|host| host.len() == name.len()), || named.out.clone())
}

fn in_the_way() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mine.json");
    fs::write(&path, "mine")?;
    refused(&["gather", "--out", &path.to_string_lossy()], 1, "mine.json: is there already; name another with --out")?;
    ensure(fs::read_to_string(&path)? == "mine", || "it was written over".into())?;
    let nowhere = folder.path().join("none/box.json");
    refused(&["gather", "--out", &nowhere.to_string_lossy()], 1, "none/box.json: cannot be written: No such file")?;
    refused(&["gather", "--out", "/dev/full"], 1, "/dev/full: is there already")
}

fn damaged() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let whole = fs::read_to_string(gathered(folder.path())?)?;
    let path = folder.path().join("damaged.json");
    let name = path.to_string_lossy().into_owned();
    let check = |text: &str, says: &str| -> Result<(), Failed> {
        fs::write(&path, text)?;
        refused(&["topo", "--input", &name], 2, says)?;
        refused(&["plan", "experiments/numa-binding.toml", "--input", &name], 2, says)
    };
    check("", "cut short")?;
    check(&whole[..whole.len() / 2], "cut short")?;
    check("[]", "not a machine as numalab gather writes it")?;
    check("{}", "not a machine as numalab gather writes it: missing field")?;
    check(&whole.replacen("\"gathered\": 1", "\"gathered\": 2", 1), "has format 2, this program knows up to 1")?;
    check(
        &whole.replacen("\"core\": 0", "\"core\": 77", 1),
        "its core, LLC, package or node is not that of this machine",
    )?;
    let mut packed = json(&whole)?;
    for node in packed["topology"]["nodes"].as_array_mut().into_iter().flatten() {
        node["memory_bytes"] = 0.into();
    }
    check(&packed.to_string(), "nodes: none has memory; a machine that runs has some")?;
    refused(&["topo", "--input", "no-such.json"], 2, "no-such.json: cannot be read")?;
    refused(&["topo", "--input", "crates/x.json/../.json"], 2, "cannot be read")
}

fn planned_as_it_grants() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut packed = json(&fs::read_to_string(gathered(folder.path())?)?)?;
    let recorded = root().join("crates/plan/tests/machines/lab/8x4.json");
    packed["topology"] = json(&fs::read_to_string(recorded)?)?;
    packed["conditions"]["policies"] = serde_json::json!(["first-touch"]);
    let path = folder.path().join("other.json");
    fs::write(&path, packed.to_string())?;
    let answer = run(&["plan", "experiments/numa-binding.toml", "--input", &path.to_string_lossy()]);
    answer.expect_code(0)?;
    ensure(answer.out.contains("8 nodes, 32 cores, 32 PUs"), || answer.out.clone())?;
    ensure(answer.out.contains("\n  strict x 1, 2, 4, 8: memory policy bind"), || answer.out.clone())
}

/// Whether Go's points would run is a matter of the host that was gathered, not of the one that plans.
fn programs_are_kept() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let fake = folder.path().join("fake");
    fs::write(&fake, "#!/bin/sh\necho '{\"v\":1,\"about\":{\"go\":\"go9.9.9\"}}'\n")?;
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755))?;
    let gathered_with = |program: &str, name: &str| -> Result<String, Failed> {
        let path = folder.path().join(name).to_string_lossy().into_owned();
        answer(numalab().env("NUMALAB_GO_SUBJECT", program).args(["gather", "--out", &path]).output()?)
            .expect_code(0)?;
        ensure(!fs::read_to_string(&path)?.contains(program), || format!("{program} is in it"))?;
        Ok(path)
    };
    // The other program is there when the plan is made, and counts for nothing.
    let planned = |path: &str, here: &str| -> Result<String, Failed> {
        let mut command = numalab();
        command.env("NUMALAB_GO_SUBJECT", here).args(["plan", "experiments/throughput-cliff.toml", "--input", path]);
        let planned = answer(command.output()?);
        planned.expect_code(0)?;
        Ok(planned.out.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let fake = fake.to_string_lossy();
    let (with, without) = (gathered_with(&fake, "with.json")?, gathered_with("/no/such/program", "without.json")?);
    let absent = "go-subject does not say what it is: cannot start it";
    let found = planned(&with, "/no/such/program")?;
    ensure(found.contains("go is go9.9.9, GOGC") && !found.contains(absent), || found.clone())?;
    let found = planned(&without, &fake)?;
    ensure(found.contains(absent) && !found.contains("go9.9.9"), || found.clone())?;
    // A file of before says nothing of them: Go's points are planned, of which Go is not known.
    let mut old = json(&fs::read_to_string(&with)?)?;
    old["conditions"].as_object_mut().ok_or("no conditions")?.remove("programs");
    fs::write(&with, old.to_string())?;
    let found = planned(&with, &fake)?;
    ensure(found.contains("go, GOGC") && !found.contains("go9.9.9"), || found.clone())
}

/// As `make fuzz` found them, shortened; libhwloc 2.9 crashes at the first, and others may only refuse.
fn deadly_xml() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (name, text) in DEADLY {
        let path = folder.path().join(format!("{name}.xml"));
        fs::write(&path, text)?;
        for command in [&["topo", "--input"][..], &["plan", "experiments/numa-binding.toml", "--input"]] {
            let path = path.to_string_lossy();
            refused(&[command, &[path.as_ref()]].concat(), 2, &format!("{name}.xml: "))?;
        }
    }
    Ok(())
}

const DEADLY: &[(&str, &str)] = &[
    (
        "segv",
        "<topology version=\"2.0\">\n<object cpuset=\"0x00000003\" nodeset=\"0x00000001\" \
         complete_nodeset=\"0x00000001\">\n</object>\n</topology>\n",
    ),
    // Lets hwloc ask for half a GiB a set, and PUs without end.
    (
        "endless",
        "<topology version=\"2.0\">\n<object type=\"Machine\" os_index=\"0\" cpuset=\"0xf...f\" complete_cpuset=\"0xf...f\" \
         allowed_cpuset=\"0xf...f\" nodeset=\"0x1\" complete_nodeset=\"0x1\" allowed_nodeset=\"0x1\" gp_index=\"1\">\n\
         <object type=\"NUMANode\" os_index=\"0\" cpuset=\"0xf...f\" complete_cpuset=\"0xf...f\" nodeset=\"0x1\" \
         complete_nodeset=\"0x1\" gp_index=\"2\"/>\n<object type=\"PU\" os_index=\"0\" cpuset=\"0xf...f\" \
         complete_cpuset=\"0xf...f\" nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"3\"/>\n</object>\n</topology>\n",
    ),
];
