//! The declarations of the system's libnuma that numalab calls, and nothing else.
//!
//! Safe wrappers are in `host::policy`. Node masks are arrays of `c_ulong`, bit `n % c_ulong::BITS` of word
//! `n / c_ulong::BITS` is node `n`. Source: numactl's numaif.h and move_pages(2), mbind(2), set_mempolicy(2), get_mempolicy(2).
#![no_std]
#![allow(non_camel_case_types)]

use core::ffi::{c_int, c_uint, c_ulong, c_void};

/// MPOL_DEFAULT: no policy of its own. The numbers are the kernel's, linux/mempolicy.h.
pub const MPOL_DEFAULT: c_int = 0;
/// MPOL_PREFERRED: one node first, others when it is full.
pub const MPOL_PREFERRED: c_int = 1;
/// MPOL_BIND: these nodes only.
pub const MPOL_BIND: c_int = 2;
/// MPOL_INTERLEAVE: page by page over these nodes.
pub const MPOL_INTERLEAVE: c_int = 3;
/// MPOL_LOCAL: the node of the PU that touches first.
pub const MPOL_LOCAL: c_int = 4;
/// MPOL_PREFERRED_MANY: these nodes first (Linux 5.15).
pub const MPOL_PREFERRED_MANY: c_int = 5;
/// MPOL_WEIGHTED_INTERLEAVE: interleave by the weights in sysfs (Linux 6.9); libnuma passes the number on.
pub const MPOL_WEIGHTED_INTERLEAVE: c_int = 6;

/// get_mempolicy: the answer is a node, not a policy.
pub const MPOL_F_NODE: c_uint = 1 << 0;
/// get_mempolicy: ask about an address.
pub const MPOL_F_ADDR: c_uint = 1 << 1;
/// get_mempolicy: the nodes this thread may use.
pub const MPOL_F_MEMS_ALLOWED: c_uint = 1 << 2;

unsafe extern "C" {
    /// mbind(2).
    pub fn mbind(
        addr: *mut c_void,
        len: c_ulong,
        mode: c_int,
        nodemask: *const c_ulong,
        maxnode: c_ulong,
        flags: c_uint,
    ) -> core::ffi::c_long;
    /// set_mempolicy(2), for the calling thread.
    pub fn set_mempolicy(mode: c_int, nodemask: *const c_ulong, maxnode: c_ulong) -> core::ffi::c_long;
    /// get_mempolicy(2).
    pub fn get_mempolicy(
        mode: *mut c_int,
        nodemask: *mut c_ulong,
        maxnode: c_ulong,
        addr: *mut c_void,
        flags: c_ulong,
    ) -> core::ffi::c_long;
    /// move_pages(2); with `nodes` null it only asks where pages are.
    pub fn move_pages(
        pid: c_int,
        count: c_ulong,
        pages: *const *mut c_void,
        nodes: *const c_int,
        status: *mut c_int,
        flags: c_int,
    ) -> core::ffi::c_long;
}
