//! Which operations and states, of those that a run lists, it did not cover.

use spanlock_page_cache::CacheStats;

use super::ACCESSES;
use crate::options::Options;
use crate::oracle::knowledge::Reliability;
use crate::run::Run;
use crate::workload::op::Path;

/// What the report lists and did not happen. The run has not tested it, so the absence of findings says nothing
/// about it.
pub fn unmet(options: &Options, run: &Run) -> Vec<String> {
    let paths = Path::ALL.into_iter().filter(|&path| run.latencies.of(path).is_empty());
    let claims = ACCESSES.iter().filter(|(access, _)| run.stats.claims(*access).taken == 0);
    let CacheStats { hits, misses, fills, read_ahead, writebacks, pageouts, evictions, .. } =
        run.stats;
    let pages = [
        (hits, "hits"),
        (misses, "misses"),
        (fills, "fills"),
        (read_ahead, "pages read ahead"),
        (writebacks, "writebacks"),
        (pageouts, "pageouts"),
        (evictions, "evictions"),
    ];
    let crowded = run.crowded.evictions == 0;
    let struck: u64 = run.struck.iter().map(|(_, requests)| requests).sum();
    let faults = options.store == Reliability::Failing && struck == 0;
    paths
        .map(|path| path.name().to_owned())
        .chain(claims.map(|(_, name)| format!("claims for {name}")))
        .chain(pages.iter().filter(|(count, _)| *count == 0).map(|(_, name)| (*name).to_owned()))
        .chain(crowded.then(|| "evictions from the crowded cache".to_owned()))
        .chain(faults.then(|| "faults".to_owned()))
        .collect()
}
