//! The arms that a machine is tried with, computed from its nodes.

use crate::rules::{Built, Case, Pages, Workers};

/// A heap's policy as it is written, and where its pages must lie.
struct Heap(String, Pages);

/// An arm that no machine with a node of PUs without memory may run, and what the plan says of it.
pub(crate) struct Impossible {
    pub(crate) name: &'static str,
    pub(crate) toml: String,
    pub(crate) reason: String,
}

pub(crate) fn impossible(built: &Built) -> Option<Impossible> {
    let node = *built.those(|node| !node.memory).first()?;
    Some(Impossible {
        name: "impossible",
        toml: format!("cpus = \"node:{node}\"\nprivate = \"bind:{node}\""),
        reason: format!("node {node} has no memory"),
    })
}

/// Weights of the nodes with memory for weighted interleave: 3 for the first, 1 for each other.
pub(crate) fn weights(built: &Built) -> Vec<(usize, u64)> {
    let nodes = built.those(|node| node.memory);
    nodes.iter().map(|&node| (node, if node == nodes[0] { 3 } else { 1 })).collect()
}

/// Every policy with the workers that show it best. `weighted`: whether the kernel knows weighted interleave.
pub(crate) fn cases(built: &Built, weighted: bool) -> Vec<Case> {
    let ordinary = built.ordinary();
    let memory = built.those(|node| node.memory);
    let (own, last) = (ordinary[0], ordinary[ordinary.len() - 1]);
    let others: Vec<usize> = memory.iter().copied().filter(|&node| node != own).collect();
    let mut cases = vec![
        case("own", Workers::Node(own), bind(own), bind(own)),
        case("interleave", Workers::Close, interleave(&memory), interleave(&memory)),
        case("first-touch", Workers::Spread, first_touch(), first_touch()),
        first_worker(),
        case("workers", Workers::Close, local(), Heap("interleave:workers".into(), Pages::OverWorkers)),
        // Any of them will do, so the kernel takes the toucher's own.
        case("preferred-many", Workers::Node(last), preferred_many(&memory, None), preferred_many(&memory, None)),
        case("preferred", Workers::Node(last), preferred(own), preferred_many(&[last], Some(last))),
    ];
    if let Some(&far) = others.last() {
        cases.push(case("other", Workers::Node(own), bind(far), bind(far)));
        // All private heaps together, where there is most room: the kernel lives on the first node. Sixty-four of them do
        // not fit a node of 64 MiB.
        if memory.len() < 64 {
            cases.push(case("one-each", Workers::Close, bind(far), bind(own)));
        }
        cases.push(process(Workers::Node(own), far));
        if memory.len() > 2 {
            let two = || interleave(&[own, far]);
            cases.push(case("interleave-two", Workers::Node(own), two(), interleave(&memory)));
            cases.push(case("interleave-others", Workers::Close, interleave(&[others[0], far]), bind(far)));
        }
        if let Some(nearest) = built.nearest(own, &others) {
            let heap = || preferred_many(&others, Some(nearest));
            cases.push(case("preferred-nearest", Workers::Node(own), heap(), heap()));
        }
    }
    if let Some(&bare) = built.those(|node| !node.memory).first() {
        cases.push(case("bare-local", Workers::Node(bare), local(), first_touch()));
        cases.push(case("bare-bind", Workers::Node(bare), bind(own), interleave(&[own])));
    }
    if weighted {
        // By number: `all` leaves out memory without PUs.
        let heap = || Heap(format!("weighted-interleave:{}", list(&memory)), Pages::Over(weights(built)));
        cases.push(case("weighted", Workers::Close, heap(), heap()));
        cases.push(case("weighted-from-last", Workers::Node(last), heap(), heap()));
    }
    cases
}

fn case(name: &'static str, workers: Workers, private: Heap, shared: Heap) -> Case {
    let cpus = match workers {
        Workers::Close => "close".into(),
        Workers::Spread => "spread".into(),
        Workers::Node(node) => format!("node:{node}"),
    };
    let toml = format!("cpus = \"{cpus}\"\nprivate = \"{}\"\nshared = \"{}\"", private.0, shared.0);
    Case { name, toml, workers, private: private.1, shared: shared.1, first_worker_touches: false }
}

fn first_worker() -> Case {
    let case = case("first-worker", Workers::Close, local(), first_touch());
    Case { toml: case.toml + "\nshared_toucher = \"first-worker\"", first_worker_touches: true, ..case }
}

/// As numactl would have it: workers and all memory by the process alone.
fn process(workers: Workers, memory: usize) -> Case {
    let Workers::Node(node) = workers else { unreachable!("a process is bound to a node") };
    let toml = format!("process = {{ cpus = \"node:{node}\", memory = \"bind:{memory}\" }}");
    Case { toml, ..case("process", workers, bind(memory), bind(memory)) }
}

fn list(nodes: &[usize]) -> String {
    nodes.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

fn bind(node: usize) -> Heap {
    Heap(format!("bind:{node}"), Pages::On(node))
}

fn interleave(nodes: &[usize]) -> Heap {
    Heap(format!("interleave:{}", list(nodes)), Pages::Over(nodes.iter().map(|&node| (node, 1)).collect()))
}

fn preferred(node: usize) -> Heap {
    Heap(format!("preferred:{node}"), Pages::On(node))
}

/// With the toucher's own node among them the pages are there, else on the nearest of them.
fn preferred_many(nodes: &[usize], nearest: Option<usize>) -> Heap {
    Heap(format!("preferred-many:{}", list(nodes)), nearest.map_or(Pages::AtToucher, Pages::On))
}

fn local() -> Heap {
    Heap("local".into(), Pages::AtToucher)
}

fn first_touch() -> Heap {
    Heap("first-touch".into(), Pages::AtToucher)
}
