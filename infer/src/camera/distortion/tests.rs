use proptest::prelude::*;

use super::*;

/// Where OpenCV 5.0 (`projectPoints`, `fisheye.projectPoints`) shows [`POINTS`], with `FOCAL` and `CENTRE`.
struct Shown {
    coefficients: &'static [f64],
    is_fisheye: bool,
    pixels: [[f64; 2]; 3],
}

const POINTS: [[f64; 3]; 3] = [[0.1, -0.2, 2.0], [-0.9, 0.5, 1.8], [1.2, 0.7, 3.0]];
const FOCAL: [f64; 2] = [1100.5, 1098.0];
const CENTRE: [f64; 2] = [655.25, 350.5];

const SHOWN: [Shown; 6] = [
    Shown {
        coefficients: &[-0.31, 0.12, 0.001, -0.0005],
        is_fisheye: false,
        pixels: [
            [710.04217546875, 241.16459125],
            [152.9779253543668, 629.1655859625057],
            [1068.5270174703703, 591.3347398222222],
        ],
    },
    Shown {
        coefficients: &[-0.31, 0.12, 0.001, -0.0005, -0.02],
        is_fisheye: false,
        pixels: [
            [710.0421733193359, 241.1645955390625],
            [153.3632906594994, 628.9519804776071],
            [1068.4401965405652, 591.2842093310453],
        ],
    },
    Shown {
        coefficients: &[0.9, -0.3, 0.0007, 0.0011, 0.02, 1.2, -0.1, 0.03],
        is_fisheye: false,
        pixels: [
            [710.0834884679005, 241.12195545274017],
            [153.4956973399003, 629.0901302902219],
            [1070.3742114920178, 592.1194211826934],
        ],
    },
    Shown {
        coefficients: &[-0.2, 0.08, 0.001, -0.002, 0.01, 0.05, 0.02, 0.001, 0.003, -0.001, 0.002, 0.0015],
        is_fisheye: false,
        pixels: [
            [710.0952456146495, 241.12723129528774],
            [144.38245301822656, 635.0587909758424],
            [1073.047918291883, 594.3360275079107],
        ],
    },
    Shown {
        coefficients: &[-0.2, 0.08, 0.001, -0.002, 0.01, 0.05, 0.02, 0.001, 0.003, -0.001, 0.002, 0.0015, 0.03, -0.02],
        is_fisheye: false,
        pixels: [
            [709.9971651249033, 241.32830179230268],
            [145.05195499762618, 634.4514471167736],
            [1079.177327776177, 598.2289975786023],
        ],
    },
    Shown {
        coefficients: &[-0.06, 0.012, -0.004, 0.0007],
        is_fisheye: true,
        pixels: [
            [710.0067752920247, 241.23523076666402],
            [163.1226563271356, 623.2829892234869],
            [1063.012690869946, 587.8212208107228],
        ],
    },
];

fn distortion(shown: &Shown) -> Distortion {
    if shown.is_fisheye {
        return Distortion::Fisheye(shown.coefficients.try_into().unwrap());
    }
    standard_of(shown.coefficients)
}

fn standard_of(given: &[f64]) -> Distortion {
    let mut coefficients = [0.0; 14];
    coefficients[..given.len()].copy_from_slice(given);
    Distortion::Standard(coefficients)
}

#[test]
fn directions_appear_where_opencv_shows_them_and_lead_back() {
    for shown in &SHOWN {
        let distortion = distortion(shown);
        for ([x, y, z], pixel) in POINTS.into_iter().zip(shown.pixels) {
            let direction = [x / z, y / z];
            let distorted = distortion.distort(direction);
            let opencv = [0, 1].map(|axis| (pixel[axis] - CENTRE[axis]) / FOCAL[axis]);
            let back = distortion.undistort(opencv).unwrap();
            for axis in 0..2 {
                assert!((distorted[axis] - opencv[axis]).abs() < 1e-11, "{distortion:?}: {distorted:?} {opencv:?}");
                assert!((back[axis] - direction[axis]).abs() < 1e-9, "{distortion:?}: {back:?} {direction:?}");
            }
        }
    }
}

#[test]
fn beyond_the_circle_on_which_a_model_turns_back_nothing_is_seen() {
    // r (1 − 0.3 r²) is largest at r = 1.054, where it is 0.7027.
    let barrel = standard_of(&[-0.3, 0.0, 0.0, 0.0]);
    let [x, _] = barrel.undistort([0.7, 0.0]).unwrap();
    assert!((x * (1.0 - 0.3 * x * x) - 0.7).abs() < 1e-9 && x < 1.054, "{x}");
    assert_eq!(barrel.undistort([0.71, 0.0]), None);
    assert_eq!(barrel.undistort([30.0, -40.0]), None);
    let fisheye = Distortion::Fisheye([0.0; 4]);
    let [x, y] = fisheye.undistort([0.0, 1.4]).unwrap();
    assert!(x == 0.0 && (y - 1.4f64.tan()).abs() < 1e-6);
    assert_eq!(fisheye.undistort([0.0, 1.6]), None);
    for distortion in [barrel, fisheye, Distortion::None] {
        assert_eq!(distortion.undistort([f64::NAN, 0.0]), None);
        assert_eq!(distortion.undistort([0.0, 0.0]), Some([0.0, 0.0]));
    }
}

/// A millionth of a pixel at a focal length of 1000 pixels.
const MILLIONTH: f64 = 1e-9;

/// Whether distorting and undistorting lead back, where the model has not turned back yet.
fn leads_back(distortion: Distortion, direction: [f64; 2]) -> Result<(), TestCaseError> {
    let distorted = distortion.distort(direction);
    if let Some(back) = distortion.undistort(distorted) {
        let again = distortion.distort(back);
        // Wild lenses throw points a thousand times as far out, where floats are as much coarser.
        let is_met = |axis: usize| (again[axis] - distorted[axis]).abs() < MILLIONTH * (1.0 + distorted[axis].abs());
        prop_assert!((0..2).all(is_met), "{again:?} {distorted:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn usual_lenses_lead_back_to_a_millionth_of_a_pixel(
        radial in prop::array::uniform3(-0.08f64..0.08), tangential in prop::array::uniform2(-0.004f64..0.004),
        x in -0.8f64..0.8, y in -0.6f64..0.6,
    ) {
        let distortion = standard_of(&[radial[0], radial[1], tangential[0], tangential[1], radial[2]]);
        let back = distortion.undistort(distortion.distort([x, y]));
        prop_assert!(back.is_some_and(|back| (back[0] - x).abs() < MILLIONTH && (back[1] - y).abs() < MILLIONTH), "{back:?}");
    }

    #[test]
    // Twice these coefficients let a lens turn back within 70 degrees, where its inverse has few digits.
    fn fisheyes_lead_back(k in prop::array::uniform4(-0.01f64..0.01), x in -2f64..2.0, y in -2f64..2.0) {
        let distortion = Distortion::Fisheye(k);
        let back = distortion.undistort(distortion.distort([x, y]));
        prop_assert!(back.is_some_and(|back| (back[0] - x).abs() < 1e-8 && (back[1] - y).abs() < 1e-8), "{back:?}");
    }

    #[test]
    fn what_any_lens_gives_back_it_shows_again(
        coefficients in prop::array::uniform14(-2f64..2.0), x in -2f64..2.0, y in -2f64..2.0,
    ) {
        leads_back(Distortion::Standard(coefficients), [x, y])?;
        leads_back(Distortion::Fisheye([coefficients[0], coefficients[1], coefficients[2], coefficients[3]]), [x, y])?;
    }
}
