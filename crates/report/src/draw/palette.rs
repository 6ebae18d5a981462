//! Colours, each with its counterpart for readers on a dark ground.
//!
//! The arms' hues keep apart for the three common kinds of colour blindness (after Okabe and Ito 2008, darkened or
//! lightened until each has a contrast of 3:1 or more against its ground, WCAG 2.1 section 1.4.11).

use plotters::style::RGBColor;
use std::fmt::Write;

/// One colour on a light and on a dark ground, `0xRRGGBB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// On white.
    pub light: u32,
    /// On near black.
    pub dark: u32,
}

/// Colours of the arms, in order.
pub const COLOURS: [Colour; 6] = [
    Colour { light: 0x0072B2, dark: 0x5BB6F2 },
    Colour { light: 0xD55E00, dark: 0xFF9650 },
    Colour { light: 0x007F5F, dark: 0x35CDA4 },
    Colour { light: 0xA8488A, dark: 0xE9A3CF },
    Colour { light: 0x8A6500, dark: 0xE8C04A },
    Colour { light: 0x5A5FC8, dark: 0xABB0FF },
];

pub(super) const GROUND: Colour = Colour { light: 0xFFFFFF, dark: 0x14181D };
pub(super) const INK: Colour = Colour { light: 0x1F2328, dark: 0xE8EBEF };
pub(super) const MUTED: Colour = Colour { light: 0x5C6570, dark: 0xA4ADB8 };
pub(super) const GRID: Colour = Colour { light: 0xE3E6EA, dark: 0x2C333B };
pub(super) const AXIS: Colour = Colour { light: 0x9AA3AD, dark: 0x6B7580 };
pub(super) const BAND: Colour = Colour { light: 0xF3F4F6, dark: 0x1D232A };

/// The colour of a series.
pub(super) fn of_series(colour: Option<usize>) -> Colour {
    colour.map_or(INK, |at| COLOURS[at % COLOURS.len()])
}

/// As plotters wants it: the light one; [`style_sheet`] swaps it on a dark ground.
pub(super) fn rgb(colour: Colour) -> RGBColor {
    let [_, red, green, blue] = colour.light.to_be_bytes();
    RGBColor(red, green, blue)
}

/// Rules that swap every light colour for its dark one where the reader's scheme is dark; never on paper.
pub(super) fn style_sheet() -> String {
    let mut rules = String::new();
    for colour in [GROUND, INK, MUTED, GRID, AXIS, BAND].iter().chain(&COLOURS) {
        let (light, dark) = (format!("#{:06X}", colour.light), format!("#{:06X}", colour.dark));
        for property in ["fill", "stroke"] {
            let _ = write!(rules, "svg.numalab [{property}=\"{light}\"]{{{property}:{dark}}}");
        }
    }
    format!("@media screen and (prefers-color-scheme:dark){{{rules}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: u32) -> f64 {
        // WCAG 2.1, "relative luminance".
        let channel = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [_, red, green, blue] = colour.to_be_bytes();
        0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue)
    }

    fn contrast(one: u32, other: u32) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        if one > other { one / other } else { other / one }
    }

    #[test]
    fn colours_stand_out_on_both_grounds() {
        let check = |colour: Colour, least: f64| {
            assert!(contrast(colour.light, GROUND.light) >= least, "{colour:x?} on a light ground");
            assert!(contrast(colour.dark, GROUND.dark) >= least, "{colour:x?} on a dark ground");
        };
        COLOURS.iter().for_each(|&colour| check(colour, 3.0));
        check(INK, 7.0);
        check(MUTED, 4.5);
    }

    #[test]
    fn no_two_colours_share_their_light_value() {
        // The style sheet tells them apart by it.
        let mut lights: Vec<u32> =
            [GROUND, INK, MUTED, GRID, AXIS, BAND].iter().chain(&COLOURS).map(|c| c.light).collect();
        lights.sort_unstable();
        lights.dedup();
        assert_eq!(lights.len(), 6 + COLOURS.len());
    }
}
