//! What a modelled run assumes: kept in its folder, the same when it goes on, and noise that leaves the truth where it is.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod modelled;

use modelled::{folder, here, modelled, plan, resume_with, topology};
use plan::experiment::Measure;
use plan::record::Seed;
use runner::executor::Executor;
use runner::modelled::{Assumed, Modelled, Noise};
use runner::progress::Silent;
use runner::sample::Outcome;
use runner::{ResumeOptions, modelled_machine, run};
use std::sync::atomic::AtomicBool;

/// A reader sees what was assumed, a run goes on with it, and what another model computed does not come among its rows.
#[test]
fn what_the_model_assumed_is_kept_and_the_run_goes_on_with_it() {
    let root = folder();
    let text = "host,kind,from_node,to_node,value\na,idle_latency_ns,0,0,90.1\na,idle_latency_ns,0,1,150\n\
                a,idle_latency_ns,1,0,151\na,idle_latency_ns,1,1,90.7\n";
    let calibration = model::calibration::parse("a.csv", text, None).unwrap();
    let parameters = model::Parameters { calibration: Some(calibration), ..model::Parameters::DEFAULT };
    let assumed = Assumed::new(parameters, Noise::DEFAULT);
    let mut asked = Modelled::assuming(topology(), assumed.clone());
    let interrupt = AtomicBool::new(true);
    let begun = run(root.path(), &plan(), &here(), &mut asked, &mut Silent, &interrupt).unwrap();
    let kept = modelled_machine(&begun.dir).unwrap().expect("a modelled run");
    assert_eq!((&kept.assumed, &kept.topology), (&assumed, &topology()));
    assert_eq!(kept.assumed.sources["local_latency_ns"], "not used: as measured, a.csv, host a");
    assert!(kept.assumed.sources["link_bytes_per_ns"].contains("MLC"), "{:?}", kept.assumed.sources);
    for other in
        [Assumed { noise: Noise::NONE, ..assumed.clone() }, Assumed::new(model::Parameters::DEFAULT, Noise::DEFAULT)]
    {
        let mut other = Modelled::assuming(topology(), other);
        let refused = resume_with(&begun.dir, ResumeOptions::default(), &here(), &mut other).unwrap_err();
        assert!(refused.to_string().contains("the model"), "{refused}");
    }
    let mut same = Modelled::assuming(kept.topology, kept.assumed);
    assert!(resume_with(&begun.dir, ResumeOptions::default(), &here(), &mut same).unwrap().complete);
}

/// Noise is on hits too, but not where the plan alone decides them; the mean stays.
#[test]
fn hits_vary_between_samples_where_a_runtime_decides_them() {
    let plan = plan();
    let mut noisy = modelled();
    let varies = plan.points.iter().filter(|point| point.hit_ratio_by_construction.is_none()).map(|point| {
        let mut ratio = |seed| {
            let sample = noisy.sample(point, &plan.measure, Seed(seed)).unwrap();
            let Outcome::Measured(measured) = sample.outcome else { panic!("a model fails nothing") };
            let hits = measured.hits.unwrap();
            assert_eq!(hits.traffic.iter().map(|cell| cell.touches).sum::<u64>(), hits.touches);
            hits.low
        };
        let ratios: Vec<f64> = (0..400).map(&mut ratio).collect();
        assert_eq!(ratio(7).to_bits(), ratios[7].to_bits());
        let Measure { pause_every_ns, stopped_work, .. } = plan.measure;
        let truth = model::predict(point, &topology(), pause_every_ns, stopped_work, &model::Parameters::DEFAULT);
        let truth = truth.unwrap().local_hit_ratio;
        let mean = ratios.iter().sum::<f64>() / 400.0;
        let sd = (ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / 399.0).sqrt();
        let expect = 0.005 * 4.0 * truth * (1.0 - truth);
        assert!((mean - truth).abs() < 4.0 * expect / 20.0, "{id}: {mean} for {truth}", id = point.id);
        assert!((0.85..1.15).contains(&(sd / expect)), "{id}: {sd} for {expect}", id = point.id);
    });
    assert!(varies.count() > 0);
    let by_construction = plan.points.iter().find(|point| point.hit_ratio_by_construction == Some(1.0));
    if let Some(point) = by_construction {
        let Outcome::Measured(measured) = noisy.sample(point, &plan.measure, Seed(1)).unwrap().outcome else {
            panic!()
        };
        assert_eq!(measured.hits.unwrap().low, 1.0);
    }
}
