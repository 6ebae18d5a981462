//! 12 a busy neighbour on the same PUs.

use crate::host;
use crate::ran::{EXPERIMENT, run_behind};
use crate::trial::Needs;
use libtest_mimic::{Failed, Trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![host(12, "a busy neighbour on the same PUs: waiting is flagged", Some(Needs::Setpriv), busy)]
}

/// One program that never sleeps on each PU, which ends with the run.
const SPINNERS: &str = "
for pu in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g'); do
  for pu in $(seq ${pu%-*} ${pu#*-}); do
    taskset -c $pu sh -c 'while :; do :; done' & pids=\"$pids $!\"
  done
done
\"$@\"; code=$?
kill $pids
exit $code";

fn busy() -> Result<(), Failed> {
    let ran = run_behind(&["sh", "-c", SPINNERS, "sh"], &EXPERIMENT.replace("operations = 500", "seconds = 0.3"))?;
    ran.expect(0, &[])?;
    for arm in ["unbound", "pinned", "bound"] {
        ran.expect_flag(arm, "workers waited # % of their time for a PU (limit 2.0 %)")?;
    }
    Ok(())
}
