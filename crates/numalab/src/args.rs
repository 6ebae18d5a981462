//! The command line, as written. Every flag has its help here; what it changes is `Overrides` or an argument of one call.

mod parse;

use crate::machine::Source;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use parse::parse_margin;
use parse::{
    parse_budget, parse_level, parse_noise, parse_pauses, parse_procs, parse_seconds, parse_sessions, parse_share,
    parse_timing,
};
use plan::experiment::{Extent, Overrides, Oversubscribe, Procs, REPETITIONS_MOST};
use plan::record::Timing;
use runner::modelled::Noise;
use std::path::PathBuf;

/// Experiments on NUMA machines: placement, local hit ratio, throughput and pauses in one run.
#[derive(Debug, Parser)]
#[command(name = "numalab", version, propagate_version = true, help_expected = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done (a refuted claim is still 0), 1 failed, 2 usage or a bad file, 3 a check said no, \
77 not testable on this machine, 128+n ended by signal n."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

// Of all commands' flags only those of the one that was asked for are made: a third of a millisecond of each start.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Topology, distances and memory of a machine
    Topo(Topo),
    /// What this host allows and what will disturb a measurement, each with a remedy
    Doctor(Doctor),
    /// What an experiment would do on a machine: its points, the skipped ones with the reason, the time it takes
    Plan(Planning),
    /// Runs an experiment and reports it
    Run(Run),
    /// What the queueing model expects of an experiment on a machine: throughput, hit ratio, latency, pause. Nothing is measured
    Predict(Predict),
    /// Redraws everything derived of a results folder, from its files alone
    Report(Report),
    /// Re-checks a results folder: sums, schema, counts, and that all that is derived follows from the samples
    Verify(Verify),
    /// The verdicts on the claims of a results folder; or, from its printed tables alone, on those of an article
    Claims(Claims),
    /// The experiment's printed table beside what was measured here
    Tables(Tables),
    /// Faster, slower, the same or undecided: arms of one run, or runs of two builds or settings, session by session
    Compare(Compare),
    /// Fits a curve to two columns of a CSV file: parameters, knees, intervals, adequacy
    Fit(Fit),
    /// Packs this host's topology, facts and doctor's findings in one file, for somebody else to plan on
    Gather(Gather),
    /// Completions for a shell, on stdout
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// The manual page, on stdout
    Man,
    /// One sample, for `run` alone
    #[command(name = "__sample", hide = true)]
    Sample,
    /// Which build this is and what it speaks with its samples' processes, for `run --against` alone
    #[command(name = "__build", hide = true)]
    Build,
    /// One foreign machine, for `--input` alone
    #[command(name = "__topology", hide = true)]
    Topology {
        /// FILE.xml or synthetic:…
        input: host::Input,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TopoFormat {
    /// For people
    Table,
    /// numalab's topology.json; `nodes` and `pus` are lists
    Json,
    /// hwloc's XML
    Xml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// Rows with a title line
    Csv,
    /// One document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// For people
    Text,
    /// For a pull request or a README
    Markdown,
    /// Rows with a title line
    Csv,
    /// For a paper; needs the booktabs package
    Latex,
}

#[derive(Debug, Args)]
pub(crate) struct Topo {
    /// The machine: host, FILE.xml (as hwloc writes it), FILE.json (as gather writes it), or synthetic:"pack:2 numa:1 core:32
    /// pu:1"
    #[arg(long, default_value = "host", value_name = "MACHINE")]
    pub(crate) input: Source,
    /// How to print it
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: TopoFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Gather {
    /// The file, which must not be there yet; - is stdout
    #[arg(long, default_value = "numalab-machine.json", value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Puts the host's name in; without this it is left out, as is all that names a user, a process or a serial number
    #[arg(long)]
    pub(crate) host_name: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Seconds of each sample
    #[arg(long, value_name = "S", value_parser = parse_seconds, conflicts_with = "operations", allow_negative_numbers = true)]
    seconds: Option<f64>,
    /// Operations of each worker instead of seconds, for machines whose time cannot be believed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), allow_negative_numbers = true)]
    operations: Option<u64>,
    /// Samples of each point
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=REPETITIONS_MOST as i64), allow_negative_numbers = true)]
    repetitions: Option<u32>,
    /// Most time of the whole run, resumed or not, such as 60s or 15m; fewer whole blocks if it does not suffice
    #[arg(long, value_name = "TIME", value_parser = parse_budget, allow_negative_numbers = true)]
    budget: Option<f64>,
    /// Numbers of workers: paper, paper,36 (and 36), a list such as 1,2,4, or a range such as 1..=8
    #[arg(long, value_name = "LIST", value_parser = parse_procs, allow_negative_numbers = true)]
    procs: Option<Procs>,
    /// Only this arm; may be repeated
    #[arg(long, value_name = "NAME")]
    arm: Vec<String>,
    /// Only this subject of those in the file; may be repeated
    #[arg(long, value_name = "NAME")]
    subject: Vec<String>,
    /// Seed of orders, addresses and pauses
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Points with more workers than PUs: no, next (the first of each arm), all
    #[arg(long, value_name = "WHICH")]
    oversubscribe: Option<Oversubscribe>,
    /// Mean time between two stops of the world, such as 10ms, or never
    #[arg(long, value_name = "TIME", value_parser = parse_pauses, allow_negative_numbers = true)]
    pauses_every: Option<PauseEvery>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PauseEvery(Option<u64>);

impl Changes {
    pub(crate) fn overrides(&self) -> Overrides {
        let extent = self.seconds.map(Extent::Seconds).or(self.operations.map(Extent::Operations));
        Overrides {
            extent,
            repetitions: self.repetitions,
            budget_seconds: self.budget,
            procs: self.procs.clone(),
            arms: self.arm.clone(),
            subjects: self.subject.clone(),
            seed: self.seed,
            oversubscribe: self.oversubscribe,
            pause_every_ns: self.pauses_every.map(|PauseEvery(every)| every),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Planning {
    /// Experiment file
    pub(crate) file: PathBuf,
    /// The machine: host, FILE.xml, FILE.json, or synthetic:"…"
    #[arg(long, default_value = "host", value_name = "MACHINE")]
    pub(crate) input: Source,
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// A measured results folder of the same experiment: how many samples would do, and how long
    #[arg(long, value_name = "DIR")]
    pub(crate) pilot: Option<PathBuf>,
    /// With --pilot: half width of the interval of each point's throughput, such as 2%
    #[arg(long, value_name = "SHARE", default_value = "2%", value_parser = parse_share)]
    pub(crate) within: f64,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(override_usage = "numalab run [OPTIONS] FILE\n       numalab run --resume DIR [--retry-failed]")]
pub(crate) struct Run {
    /// Experiment file
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub(crate) file: Option<PathBuf>,
    /// Goes on with a results folder that was interrupted; of its budget what is left
    #[arg(long, value_name = "DIR", conflicts_with_all = ["seconds", "operations", "repetitions", "budget", "procs", "arm", "subject", "seed", "oversubscribe", "pauses_every", "input", "modelled", "calibrate", "noise"])]
    pub(crate) resume: Option<PathBuf>,
    /// On resume, runs the failed samples again
    #[arg(long, requires = "resume", conflicts_with = "file")]
    pub(crate) retry_failed: bool,
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// Folder, made if it is not there, for what the scheduler did, and of a storm how long its queues were every 5 ms: the
    /// first sample of each point with subject gmp writes POINT.json, to be opened with ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["modelled", "against", "resume"])]
    pub(crate) trace: Option<PathBuf>,
    /// Folder under which results are filed
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub(crate) results: PathBuf,
    /// Does not measure: the queueing model says what it expects, and every row says "modelled"
    #[arg(long)]
    pub(crate) modelled: bool,
    /// With --modelled: the machine, FILE.xml, FILE.json or synthetic:"…"
    #[arg(long, value_name = "MACHINE", requires = "modelled")]
    pub(crate) input: Option<Source>,
    #[command(flatten)]
    pub(crate) calibration: Calibration,
    /// With --modelled: spread between samples, drawn from the seed; SD is that of ln throughput, pauses get a log-normal of
    /// 0.5 and hit ratios half a percent. Without it every sample is what is predicted
    #[arg(long, value_name = "SD", requires = "modelled", num_args = 0..=1, require_equals = true, default_missing_value = "2%", value_parser = parse_noise)]
    pub(crate) noise: Option<Noise>,
    /// Measures this program and another build of it in turn, session by session, and compares them; --resume with any of
    /// its folders goes on with all of them
    #[arg(long, value_name = "BINARY", conflicts_with_all = ["resume", "modelled"])]
    pub(crate) against: Option<PathBuf>,
    /// With --against: sessions of each build, a results folder each; a budget is one session's
    #[arg(long, value_name = "N", default_value = "5", requires = "against", value_parser = parse_sessions)]
    pub(crate) sessions: u32,
    /// Believes times no more than this: virtual or emulated. Evidence decides, and this can only lower it
    #[arg(long, value_name = "CLASS", value_parser = parse_timing)]
    pub(crate) timing: Option<Timing>,
    /// How to print the summary
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Calibration {
    /// The model takes latencies and bandwidths between nodes from this CSV file (columns host, kind, from_node, to_node,
    /// value; kinds idle_latency_ns, read_bandwidth_MBps, loaded_latency_ns), such as experiments/machines/breniac.csv
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) calibrate: Option<PathBuf>,
    /// Of a file that holds several hosts, this one
    #[arg(long, value_name = "NAME", requires = "calibrate")]
    pub(crate) calibrate_host: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// Experiment file
    pub(crate) file: PathBuf,
    /// The machine: host, FILE.xml, FILE.json, or synthetic:"…"
    #[arg(long, default_value = "host", value_name = "MACHINE")]
    pub(crate) input: Source,
    #[command(flatten)]
    pub(crate) calibration: Calibration,
    #[command(flatten)]
    pub(crate) changes: Changes,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Results folder
    pub(crate) dir: PathBuf,
    /// How to print the summary
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Results folder
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Claims {
    /// Results folders, of several one table; the newest under `results` if not given, and where there is none the audit of
    /// the article
    #[arg(value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
    /// Computes an article's statements again from its printed tables, no machine asked; FILE is an audit such as
    /// experiments/published/audit.toml
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dirs", "results"])]
    pub(crate) audit: Option<PathBuf>,
    /// Folder under which results are filed
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub(crate) results: PathBuf,
    /// How to print them
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Tables {
    /// Results folder of an experiment with a printed table, `published` or `[printed]` in its file; if not given the newest
    /// of numa-binding under `results`, and where there is none the article's table alone
    pub(crate) dir: Option<PathBuf>,
    /// Folder under which results are filed
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub(crate) results: PathBuf,
    /// How to print them
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TableFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompareFormat {
    /// For people
    Text,
    /// For a pull request
    Markdown,
    /// One document
    Json,
    /// Rows with a title line
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// One results folder: its arms, or the series of which it is a session. Several sides, the first with each other: a
    /// results folder, some joined with commas, or a folder above them; three sessions of each side at least
    #[arg(required = true, value_name = "SIDE")]
    pub(crate) sides: Vec<String>,
    /// Column of samples.csv; NAME:more or NAME:less says which way is better; may be repeated
    #[arg(long, value_name = "NAME", default_value = "throughput_per_s")]
    pub(crate) metric: Vec<report::compare::Asked>,
    /// Relative change that counts as none
    #[arg(long, value_name = "SHARE", default_value = crate::compare::NOISE, value_parser = parse_margin)]
    pub(crate) noise: f64,
    /// Of the arms of one run, the one that others are compared with; the first if not given
    #[arg(long, value_name = "ARM")]
    pub(crate) baseline: Option<String>,
    /// Ends with 3 when something got worse
    #[arg(long)]
    pub(crate) gate: bool,
    /// Compares other machines, timing classes, experiments and sessions that did not take turns, and marks it
    #[arg(long)]
    pub(crate) anyway: bool,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: CompareFormat,
}

#[derive(Debug, Args)]
#[command(after_help = crate::fit::models_help())]
pub(crate) struct Fit {
    /// CSV file with a title line; equal x are replicates
    pub(crate) file: PathBuf,
    /// Column of x: processors, tasks
    #[arg(long, value_name = "COLUMN")]
    pub(crate) x: String,
    /// Column of y: throughput, time
    #[arg(long, value_name = "COLUMN")]
    pub(crate) y: String,
    /// One of the models below, or auto: by AICc the one that the data decide for, if they do
    #[arg(long, default_value = "usl", value_name = "NAME", value_parser = crate::fit::parse_model)]
    pub(crate) model: crate::fit::Asked,
    /// One fit for each value of this column
    #[arg(long, value_name = "COLUMN")]
    pub(crate) by: Option<String>,
    /// Residuals of y itself (a constant absolute error, as published fits are made) or of ln y (a constant relative one)
    #[arg(long, value_enum, default_value = "raw")]
    pub(crate) response: Response,
    /// none, 1/mean^2 or another power, 1/mean^q (q from the replicates), or a column of weights
    #[arg(long, default_value = "none", value_name = "HOW", value_parser = crate::fit::parse_weights)]
    pub(crate) weights: crate::fit::Weights,
    /// How the intervals are made
    #[arg(long, value_enum, default_value = "profile")]
    pub(crate) interval: IntervalMade,
    /// Level of the intervals
    #[arg(long, default_value = "0.95", value_name = "SHARE", value_parser = parse_level)]
    pub(crate) level: f64,
    /// Resamples of the bootstrap intervals and of the model-free peak
    #[arg(long, default_value = "4000", value_name = "N", value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub(crate) resamples: u32,
    /// Seed of the resamples
    #[arg(long, default_value = "1", value_name = "N")]
    pub(crate) seed: u64,
    /// How to print it; csv has the columns of fits.csv, and results/README.md says what differs
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Also draws data, curve and knees as SVG into this file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Response {
    /// y - f
    Raw,
    /// ln y - ln f
    Ln,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IntervalMade {
    /// By profile likelihood; may be one-sided or unbounded, and says so
    Profile,
    /// Estimate ± t x standard error
    Delta,
    /// Bootstrap of residuals, percentiles
    Residual,
    /// Bootstrap of runs within each x, percentiles; needs replicates at every x
    Stratified,
    /// Bootstrap corrected for bias and acceleration: of runs where there are replicates, else of residuals
    Bca,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_flag_is_consistent_and_has_help() {
        Cli::command().debug_assert();
    }
}
