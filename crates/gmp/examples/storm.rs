//! Task costs of the scheduler, as the programs of its peers measure theirs.
//! `storm MODE PROCESSORS N YIELDS REPS`
use gmp::scheduler::*;
use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::*},
    },
    time::{Duration, Instant},
};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let p = |i: usize| a[i].parse::<usize>().unwrap();
    let (mode, w, n, y, reps) = (a[1].clone(), p(2), p(3), p(4), p(5));
    let s = Scheduler::new(Switches::new(NonZeroUsize::new(w).unwrap())).unwrap();
    let mut v = vec![];
    let mut per = 0.;
    for _ in 0..reps {
        let mode = mode.clone();
        let (d, q): (Duration, f64) = s
            .block_on(async move {
                let t = Instant::now();
                match mode.as_str() {
                    "storm" => {
                        let hs: Vec<_> = (0..n)
                            .map(|_| {
                                spawn(async move {
                                    for _ in 0..y {
                                        yield_now().await
                                    }
                                })
                            })
                            .collect();
                        for h in hs {
                            h.await.unwrap()
                        }
                        (t.elapsed(), (n * y) as f64)
                    }
                    "pingpong" => {
                        let (atx, arx) = channel::<usize>(NonZeroUsize::MIN);
                        let (ctx, crx) = channel::<usize>(NonZeroUsize::MIN);
                        let h = spawn(async move {
                            while let Some(x) = arx.receive().await {
                                ctx.send(x).await.unwrap();
                            }
                        });
                        let t = Instant::now();
                        for i in 0..100_000 {
                            atx.send(i).await.unwrap();
                            crx.receive().await.unwrap();
                        }
                        let d = t.elapsed();
                        drop(atx);
                        h.await.unwrap();
                        (d, 1e5)
                    }
                    "spawnjoin" => {
                        for _ in 0..100_000 {
                            spawn(async {}).await.unwrap()
                        }
                        (t.elapsed(), 1e5)
                    }
                    "spawn" => {
                        let hs: Vec<_> = (0..100_000).map(|_| spawn(async {})).collect();
                        for h in hs {
                            h.await.unwrap()
                        }
                        (t.elapsed(), 1e5)
                    }
                    _ => {
                        const N: usize = 20000;
                        let (tx, rx) = channel::<()>(NonZeroUsize::MIN);
                        let rdy = Arc::new(AtomicUsize::new(0));
                        let hs: Vec<_> = (0..N)
                            .map(|_| {
                                let (rx, r) = (rx.clone(), rdy.clone());
                                spawn(async move {
                                    r.fetch_add(1, Release);
                                    rx.receive().await;
                                })
                            })
                            .collect();
                        while rdy.load(Acquire) < N {
                            yield_now().await
                        }
                        let t0 = Instant::now();
                        while t0.elapsed() < Duration::from_millis(2) {
                            yield_now().await
                        }
                        let t = Instant::now();
                        tx.close();
                        for h in hs {
                            h.await.unwrap()
                        }
                        (t.elapsed(), N as f64)
                    }
                }
            })
            .unwrap();
        per = q;
        v.push(d.as_nanos() as f64 / q);
    }
    v.sort_by(f64::total_cmp);
    println!(
        "gmp {mode} P={w} n={n} med={:.2} min={:.2} max={:.2} wall_ms={:.3}",
        v[v.len() / 2],
        v[0],
        v[v.len() - 1],
        v[v.len() / 2] * per / 1e6
    );
}
