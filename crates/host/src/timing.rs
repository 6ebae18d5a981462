//! How far this machine's times can be believed, by evidence.

use crate::Root;
use plan::record::Timing;

/// What this machine's times are, with one sentence for each piece of evidence.
///
/// QEMU's software emulation says so in CPUID: placement is true there, no time is. Under a hypervisor time is real, with
/// neighbours. Without a sign of either it is hardware. `modelled` is never found: a model has no machine.
pub fn timing_class() -> (Timing, Vec<String>) {
    classify(&Root::system(), hypervisor_signature().as_deref())
}

/// What a user may claim about it: an argument can only lower what the evidence says, never raise it.
pub fn lower(found: Timing, asked: Option<Timing>) -> Timing {
    asked.map_or(found, |asked| found.max(asked))
}

fn classify(root: &Root, signature: Option<&str>) -> (Timing, Vec<String>) {
    let mut timing = Timing::Hardware;
    let mut evidence = Vec::new();
    let mut add = |class: Timing, sentence: String| {
        timing = timing.max(class);
        evidence.push(sentence);
    };
    match signature {
        Some(signature) => add(class_of_signature(signature), format!("CPUID names the hypervisor \"{signature}\"")),
        None if cfg!(target_arch = "x86_64") => add(Timing::Hardware, "CPUID names no hypervisor".into()),
        None => {}
    }
    if let Some(model) = crate::facts::cpu_model(root).filter(|model| model.contains("TCG")) {
        add(Timing::Emulated, format!("the processor calls itself \"{model}\""));
    }
    let dmi = |name: &str| root.text(format!("sys/class/dmi/id/{name}")).filter(|text| !text.is_empty());
    let names: Vec<String> = ["sys_vendor", "product_name"].iter().filter_map(|name| dmi(name)).collect();
    if !names.is_empty() {
        add(class_of_firmware(&names.join(" ")), format!("firmware says \"{names}\"", names = names.join(" ")));
    }
    if let Some(kind) = root.text("sys/hypervisor/type") {
        add(Timing::Virtual, format!("/sys/hypervisor/type is {kind}"));
    }
    if let Some(source) = clock_source(root) {
        let class = match source.as_str() {
            "kvm-clock" | "xen" | "hyperv_clocksource_tsc_page" | "hyperv_clocksource_msr" => Timing::Virtual,
            _ => Timing::Hardware,
        };
        add(class, format!("clock source {source}"));
    }
    if let Some((steal, total)) = root
        .cpus("sys/devices/system/cpu/online")
        .and_then(|pus| crate::proc::steal_ticks_in(root, &pus).filter(|&(steal, _)| steal > 0))
    {
        add(Timing::Virtual, format!("{steal} of {total} clock ticks since boot were stolen by a hypervisor"));
    }
    (timing, evidence)
}

/// The kernel's present clock source.
pub(crate) fn clock_source(root: &Root) -> Option<String> {
    root.text("sys/devices/system/clocksource/clocksource0/current_clocksource")
}

fn class_of_signature(signature: &str) -> Timing {
    if signature.contains("TCGTCG") { Timing::Emulated } else { Timing::Virtual }
}

/// Names of machines that exist only as software; those of cloud vendors' bare metal are not among them.
fn class_of_firmware(names: &str) -> Timing {
    const VIRTUAL: [&str; 9] = [
        "QEMU",
        "KVM",
        "VMware",
        "VirtualBox",
        "Xen",
        "Bochs",
        "Parallels",
        "Virtual Machine",
        "Google Compute Engine",
    ];
    match VIRTUAL.iter().any(|name| names.contains(name)) {
        true => Timing::Virtual,
        false => Timing::Hardware,
    }
}

/// Registers that one CPUID leaf gives.
#[cfg(target_arch = "x86_64")]
pub(crate) fn cpuid(leaf: u32) -> Option<core::arch::x86_64::CpuidResult> {
    let base = leaf & 0x8000_0000;
    // Safe to execute from Rust 1.94 on, `unsafe` to compilers before.
    #[allow(unused_unsafe)]
    // SAFETY:
    // - every x86_64 processor has CPUID.
    let highest = unsafe { core::arch::x86_64::__cpuid(base) }.eax;
    if leaf > highest {
        return None;
    }
    #[allow(unused_unsafe)]
    // SAFETY:
    // - as above.
    Some(unsafe { core::arch::x86_64::__cpuid_count(leaf, 0) })
}

/// The hypervisor's twelve letters: CPUID leaf 1, ECX bit 31, then leaf 0x40000000 (Linux, arch/x86/kernel/cpu/hypervisor.c).
#[cfg(target_arch = "x86_64")]
pub(crate) fn hypervisor_signature() -> Option<String> {
    if cpuid(1)?.ecx >> 31 == 0 {
        return None;
    }
    #[allow(unused_unsafe)]
    // SAFETY:
    // - every x86_64 processor has CPUID; the bit above says that a hypervisor answers this leaf.
    let leaf = unsafe { core::arch::x86_64::__cpuid(0x4000_0000) };
    let letters: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx].into_iter().flat_map(u32::to_le_bytes).collect();
    Some(String::from_utf8_lossy(&letters).trim_matches(['\0', ' ']).to_owned())
}

/// Other processors name none.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn hypervisor_signature() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_decides() {
        let check = |signature: Option<&str>, files: &[(&str, &str)], expect: Timing| {
            let folder = tempfile::tempdir().expect("a folder");
            for (path, text) in files {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
                std::fs::write(path, text).expect("a file");
            }
            let (found, evidence) = classify(&Root::at(folder.path()), signature);
            assert_eq!(found, expect, "{signature:?} {files:?}: {evidence:?}");
        };
        check(None, &[], Timing::Hardware);
        check(Some("TCGTCGTCGTCG"), &[], Timing::Emulated);
        check(Some("KVMKVMKVM"), &[], Timing::Virtual);
        check(None, &[("proc/cpuinfo", "model name\t: QEMU TCG CPU version 2.5+\n")], Timing::Emulated);
        check(None, &[("sys/class/dmi/id/sys_vendor", "QEMU\n")], Timing::Virtual);
        check(None, &[("sys/class/dmi/id/sys_vendor", "Dell Inc.\n")], Timing::Hardware);
        check(
            None,
            &[("sys/devices/system/cpu/online", "0\n"), ("proc/stat", "cpu0 1 0 0 1 0 0 0 9 0 0\n")],
            Timing::Virtual,
        );
        let clock = "sys/devices/system/clocksource/clocksource0/current_clocksource";
        check(None, &[(clock, "tsc\n")], Timing::Hardware);
        check(None, &[(clock, "kvm-clock\n")], Timing::Virtual);
    }

    #[test]
    fn an_argument_only_lowers() {
        assert_eq!(lower(Timing::Virtual, None), Timing::Virtual);
        assert_eq!(lower(Timing::Virtual, Some(Timing::Hardware)), Timing::Virtual);
        assert_eq!(lower(Timing::Virtual, Some(Timing::Emulated)), Timing::Emulated);
    }
}
