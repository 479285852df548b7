//! A logarithmic axis.

use crate::grid::number;

pub struct Axis {
    /// Decimal logarithms.
    least: f64,
    greatest: f64,
    /// Where these are.
    from: f64,
    to: f64,
}

/// What is smaller or greater is drawn as this: no measurement, but what comes of dividing by one
/// that was too short.
const SMALLEST: f64 = 1e-5;
const GREATEST: f64 = 1e9;

impl Axis {
    /// Around `values`, with a margin on both sides.
    pub fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let logarithms: Vec<f64> = values.map(logarithm).collect();
        let least = logarithms.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // So that there are always some ticks.
        let margin = (0.5 - (greatest - least) / 2.0).max(0.1);
        Axis { least: least - margin, greatest: greatest + margin, from, to }
    }

    pub fn place_of(&self, value: f64) -> f64 {
        let part = (logarithm(value) - self.least) / (self.greatest - self.least);
        self.from + part * (self.to - self.from)
    }

    /// Powers of ten, with their double and fivefold where they fit.
    pub fn ticks(&self) -> Vec<f64> {
        let steps: &[f64] =
            if self.greatest - self.least > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let decades = self.least.floor() as i32..=self.greatest.ceil() as i32;
        decades
            .flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)))
            .filter(|tick| (self.least..=self.greatest).contains(&tick.log10()))
            .collect()
    }
}

fn logarithm(value: f64) -> f64 {
    value.clamp(SMALLEST, GREATEST).log10()
}

/// A tick's label, as short as it can be.
pub fn label(tick: f64) -> String {
    if tick < 1.0 {
        let digits = format!("{tick:.6}");
        digits.trim_end_matches('0').to_owned()
    } else {
        number(tick).trim_end_matches(".00").trim_end_matches(".0").to_owned()
    }
}
