//! This machine, whatever it is: what is probed holds together and what is bound stays bound.

use host::{Granted, Region, bind, locate, policy, probe};
use plan::place::ProcessPlace;
use plan::policy::MemoryPolicy;
use plan::workload::Pages;
use std::sync::atomic::Ordering::Relaxed;

/// A machine is lent to threads of a run.
const fn may_be_shared<T: Send + Sync>() {}
const _: () = may_be_shared::<host::Machine>();
const _: () = may_be_shared::<Region>();

fn on_a_thread<T: Send>(granted: &Granted, work: impl FnOnce(&Granted) -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| work(granted)).join().expect("the thread ends well"))
}

#[test]
fn this_machine_is_probed() {
    let machine = probe().expect("this machine");
    let topology = machine.topology();
    assert!(!topology.pus.is_empty() && !topology.cores.is_empty() && !topology.nodes.is_empty());
    assert!(topology.allowed_pus.is_subset(&topology.pu_set()));
    assert_eq!(&topology.allowed_pus, machine.granted().allowed_pus());
    assert!(topology.nodes.iter().any(|node| node.available_bytes().is_some_and(|bytes| bytes > 0)));
    assert!(topology.pus.iter().all(|pu| pu.node.is_some()));
    assert!(machine.xml().contains("<topology"));
    assert!(machine.conditions().policies.contains(&"first-touch".to_owned()));
}

#[test]
fn every_policy_that_works_goes_round_on_a_region() {
    let machine = probe().expect("this machine");
    let granted = machine.granted();
    let node = granted.allowed_nodes().first().expect("a node with memory");
    for name in &machine.conditions().policies {
        let text =
            if matches!(name.as_str(), "first-touch" | "local") { name.clone() } else { format!("{name}:{node}") };
        let asked: MemoryPolicy = text.parse().expect("a policy");
        let region = Region::new(granted, 1 << 20, Pages::Base, &asked).expect("a region");
        assert_eq!((region.policy(), region.policy_now()), (&asked, Ok(asked.clone())));
        assert_eq!(locate::locate(&region).expect("a map").unknown(), region.page_count() as u64, "{name}: untouched");
        region.words().iter().step_by(512).for_each(|word| word.store(7, Relaxed));
        let map = locate::locate(&region).expect("a map");
        assert_eq!(map.unknown(), 0, "{name}: touched");
        if machine.topology().nodes.len() == 1 {
            assert_eq!(map.uniform(), Some(node), "{name}");
        }
    }
}

#[test]
fn a_process_placement_is_read_back() {
    let machine = probe().expect("this machine");
    on_a_thread(machine.granted(), |granted| {
        let pu = granted.allowed_pus().last().expect("a PU");
        let node = granted.allowed_nodes().first().expect("a node");
        let place = ProcessPlace {
            cpus: Some([pu].into_iter().collect()),
            memory: Some(format!("bind:{node}").parse().expect("a policy")),
        };
        assert_eq!(bind::bind_process(granted, &place), Ok(place.clone()));
        // Inherited by a thread started later, as by a command under numactl.
        let inherited = std::thread::scope(|scope| {
            scope.spawn(|| (bind::affinity(), policy::thread())).join().expect("the thread ends well")
        });
        assert_eq!(inherited, (Ok([pu].into_iter().collect()), Ok(format!("bind:{node}").parse().expect("a policy"))));
        assert_eq!(bind::bind_process(granted, &ProcessPlace::default()), Ok(ProcessPlace::default()));
    });
}

#[test]
fn an_inherited_place_is_recorded() {
    let machine = probe().expect("this machine");
    on_a_thread(machine.granted(), |granted| {
        let pu = granted.allowed_pus().first().expect("a PU");
        let node = granted.allowed_nodes().first().expect("a node");
        bind::pin(granted, pu).expect("a pin");
        policy::set_thread(granted, &MemoryPolicy::Preferred(node)).expect("a policy");
        let narrowed = probe().expect("this machine");
        // The only PU that there is cannot be narrowed to.
        let is_narrowed = granted.allowed_pus().len() > 1;
        assert_eq!(narrowed.conditions().inherited_cpus, is_narrowed.then(|| [pu].into_iter().collect()));
        assert_eq!(narrowed.conditions().inherited_policy, Some(format!("preferred:{node}")));
        assert_eq!(narrowed.topology().allowed_pus, [pu].into_iter().collect());
        assert_eq!(bind::affinity(), Ok([pu].into_iter().collect()), "put back after probing");
    });
}

#[test]
fn a_large_region_is_located_page_by_page() {
    let machine = probe().expect("this machine");
    let region = Region::new(machine.granted(), 64 << 20, Pages::Base, &MemoryPolicy::Local).expect("a region");
    // More pages than one call asks about; every third is touched.
    let words_per_page = region.page_bytes() as usize / 8;
    region.words().iter().step_by(3 * words_per_page).for_each(|word| word.store(1, Relaxed));
    let map = locate::locate(&region).expect("a map");
    for page in 0..region.page_count() {
        assert_eq!(map.node_of(page as u64 * map.page_bytes).is_some(), page % 3 == 0, "page {page}");
    }
}
