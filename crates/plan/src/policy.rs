//! Memory policies by the names that numactl and hwloc use, with their nodes: `bind:0`, `interleave:0-1`, `local`.

use crate::set::{ListError, NodeSet};
use std::fmt;
use std::str::FromStr;

/// A memory policy, resolved to nodes. Printed and read as `name` or `name:nodes`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MemoryPolicy {
    /// Nothing is set: the page lies where it is first written, by the policy the thread inherited.
    FirstTouch,
    /// MPOL_LOCAL: the node of the PU that touches first, even under another process policy; spills when full.
    Local,
    /// MPOL_BIND: these nodes only; the kernel kills rather than spills.
    Bind(NodeSet),
    /// MPOL_PREFERRED: this node first, others when it is full.
    Preferred(u32),
    /// MPOL_PREFERRED_MANY: these nodes first (Linux 5.15).
    PreferredMany(NodeSet),
    /// MPOL_INTERLEAVE: page by page over these nodes.
    Interleave(NodeSet),
    /// MPOL_WEIGHTED_INTERLEAVE: over these nodes by the weights in sysfs (Linux 6.9).
    WeightedInterleave(NodeSet),
}

/// Why a policy could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No such policy.
    #[error(
        "unknown memory policy \"{name}\"; known: first-touch, local, bind:L, preferred:N, preferred-many:L, interleave:L, \
         weighted-interleave:L"
    )]
    Unknown {
        /// The name as written.
        name: String,
    },
    /// Nodes are missing, or given to a policy that takes none, or more than one to `preferred`.
    #[error("memory policy \"{text}\": {name} takes {takes}")]
    Nodes {
        /// The policy as written.
        text: String,
        /// Its name.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// The node list cannot be read.
    #[error(transparent)]
    List(#[from] ListError),
}

impl MemoryPolicy {
    /// Its name without nodes.
    pub fn name(&self) -> &'static str {
        match self {
            MemoryPolicy::FirstTouch => "first-touch",
            MemoryPolicy::Local => "local",
            MemoryPolicy::Bind(_) => "bind",
            MemoryPolicy::Preferred(_) => "preferred",
            MemoryPolicy::PreferredMany(_) => "preferred-many",
            MemoryPolicy::Interleave(_) => "interleave",
            MemoryPolicy::WeightedInterleave(_) => "weighted-interleave",
        }
    }

    /// The nodes it names; empty for `first-touch` and `local`.
    pub fn nodes(&self) -> NodeSet {
        match self {
            MemoryPolicy::FirstTouch | MemoryPolicy::Local => NodeSet::new(),
            MemoryPolicy::Preferred(node) => NodeSet::of(*node),
            MemoryPolicy::Bind(nodes)
            | MemoryPolicy::PreferredMany(nodes)
            | MemoryPolicy::Interleave(nodes)
            | MemoryPolicy::WeightedInterleave(nodes) => nodes.clone(),
        }
    }
}

impl fmt::Display for MemoryPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryPolicy::FirstTouch | MemoryPolicy::Local => out.write_str(self.name()),
            _ => write!(out, "{name}:{nodes}", name = self.name(), nodes = self.nodes()),
        }
    }
}

impl FromStr for MemoryPolicy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let (name, list) = match text.split_once(':') {
            Some((name, list)) => (name, Some(list)),
            None => (text, None),
        };
        let refuse = |name, takes| PolicyError::Nodes { text: text.into(), name, takes };
        let nodes = |name| -> Result<NodeSet, PolicyError> {
            let nodes: NodeSet = list.unwrap_or_default().parse()?;
            if nodes.is_empty() { Err(refuse(name, "a list of nodes, such as 0-1")) } else { Ok(nodes) }
        };
        let alone = |name, policy| if list.is_some() { Err(refuse(name, "no nodes")) } else { Ok(policy) };
        match name {
            "first-touch" => alone("first-touch", MemoryPolicy::FirstTouch),
            "local" => alone("local", MemoryPolicy::Local),
            "bind" => Ok(MemoryPolicy::Bind(nodes("bind")?)),
            "preferred" => {
                let nodes = nodes("preferred")?;
                match (nodes.first(), nodes.len()) {
                    (Some(node), 1) => Ok(MemoryPolicy::Preferred(node)),
                    _ => Err(refuse("preferred", "one node; for several say preferred-many")),
                }
            }
            "preferred-many" => Ok(MemoryPolicy::PreferredMany(nodes("preferred-many")?)),
            "interleave" => Ok(MemoryPolicy::Interleave(nodes("interleave")?)),
            "weighted-interleave" => Ok(MemoryPolicy::WeightedInterleave(nodes("weighted-interleave")?)),
            _ => Err(PolicyError::Unknown { name: name.into() }),
        }
    }
}

crate::text::serde_as_text!(MemoryPolicy);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let found = text.parse::<MemoryPolicy>().map(|policy| policy.to_string()).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expect, "policy {text:?}");
    }

    #[test]
    fn policies_are_read_and_printed() {
        check("first-touch", Ok("first-touch"));
        check("bind:0", Ok("bind:0"));
        check("interleave:1,0", Ok("interleave:0-1"));
        check("preferred:2", Ok("preferred:2"));
        check("preferred-many:0,2", Ok("preferred-many:0,2"));
        check("weighted-interleave:0-2", Ok("weighted-interleave:0-2"));
        check(
            "preferred:0-1",
            Err("memory policy \"preferred:0-1\": preferred takes one node; for several say preferred-many"),
        );
        check("bind", Err("memory policy \"bind\": bind takes a list of nodes, such as 0-1"));
        check("local:0", Err("memory policy \"local:0\": local takes no nodes"));
        check("bind:x", Err("\"x\" in list \"x\" is neither a number nor a range such as 0-3"));
        check(
            "membind",
            Err(
                "unknown memory policy \"membind\"; known: first-touch, local, bind:L, preferred:N, preferred-many:L, \
                 interleave:L, weighted-interleave:L",
            ),
        );
    }
}
