//! The cases as criterion benchmarks, with ids of the form `group/contender/threads`.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode};

use super::case::Case;

/// Criterion with short runs, so that all benchmarks together take minutes.
///
/// Locks are compared elsewhere, in turns; these runs show where time is spent.
pub fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .configure_from_args()
}

/// Benchmarks `cases`, all on so many threads. The time of an operation is wall time over the
/// operations of all threads together.
pub fn benchmark(
    criterion: &mut Criterion,
    group: &str,
    threads: usize,
    cases: impl Iterator<Item = Case>,
) {
    let mut group = criterion.benchmark_group(group);
    group.sampling_mode(SamplingMode::Flat);
    for case in cases {
        group.bench_function(BenchmarkId::new(case.contender, threads), |bencher| {
            bencher.iter_custom(|operations| case.run(operations));
        });
    }
    group.finish();
}
