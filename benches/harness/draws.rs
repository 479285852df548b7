//! Which units a thread claims: drawn before the clock starts, so that drawing is not measured.

use fastrand::Rng;

/// How many draws are made; a loop repeats them.
pub const DRAWS: usize = 1 << 12;

/// One thread's draws.
pub type Draws<T> = Box<[T; DRAWS]>;

/// The draws of `thread`, the same in every run.
pub fn draw<T>(thread: usize, mut one: impl FnMut(&mut Rng) -> T) -> Draws<T> {
    let mut random = Rng::with_seed(thread as u64 + 1);
    let draws: Box<[T]> = (0..DRAWS).map(|_| one(&mut random)).collect();
    match draws.try_into() {
        Ok(draws) => draws,
        Err(_) => unreachable!("as many were drawn as there is room for"),
    }
}

/// A zipf law over so many ranks, as the sums of their probabilities.
pub struct Zipf {
    sums: Box<[f64]>,
}

impl Zipf {
    pub fn new(ranks: u64, exponent: f64) -> Zipf {
        let mut sum = 0.0;
        let weights = (1..=ranks).map(|rank| (rank as f64).powf(-exponent));
        let running = weights.map(|weight| {
            sum += weight;
            sum
        });
        let mut sums: Box<[f64]> = running.collect();
        sums.iter_mut().for_each(|below| *below /= sum);
        Zipf { sums }
    }

    /// A rank, 0 being the most likely.
    pub fn rank(&self, random: &mut Rng) -> u64 {
        let point = random.f64();
        self.sums.partition_point(|&below| below < point) as u64
    }
}
