use super::*;

#[test]
fn tables_are_trees_with_unique_names() {
    for layout in LAYOUTS.into_iter().chain([&BODY28]) {
        assert_eq!(layout.joints.len(), layout.parents.len(), "{}", layout.name);
        for (joint, &parent) in layout.parents.iter().enumerate() {
            assert!(parent >= -1 && parent < layout.len() as i32 && parent != joint as i32);
            let name = layout.joints[joint];
            assert_eq!(layout.position(name), Some(joint), "{} names {name} twice", layout.name);
        }
    }
}

#[test]
fn joints_are_found_by_name_when_compiling() {
    const KNEE: usize = H36M17.joint("right_knee");
    assert_eq!(KNEE, 2);
    for layout in LAYOUTS {
        assert!((0..layout.len()).all(|joint| layout.joint(layout.joints[joint]) == joint), "{}", layout.name);
    }
}

#[test]
#[should_panic(expected = "layout coco17 has no joint 'tail'")]
fn a_joint_that_does_not_exist_panics_with_layout_and_name() {
    let _ = COCO17.joint("tail");
}

#[test]
fn mirroring_twice_is_nothing() {
    for layout in LAYOUTS.into_iter().chain([&BODY28]) {
        let mirrored = layout.mirrored();
        assert!((0..layout.len()).all(|joint| mirrored[mirrored[joint]] == joint), "{}", layout.name);
    }
    assert_eq!(H36M17.mirrored(), [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]);
}

#[test]
fn unknown_names_list_the_known_ones() {
    let message = Layout::by_name("coco19").unwrap_err().to_string();
    assert!(message.contains("'coco19'") && message.contains("mediapipe33"), "{message}");
}

#[test]
fn every_layout_but_h36m_contains_coco() {
    let indices = |layout| Conversion::new(layout, COCO17.joints).map(|conversion| conversion.source_of);
    let indices = |layout| indices(layout).map(|found| found.into_iter().flatten().collect::<Vec<_>>());
    assert_eq!(indices(&COCO17).unwrap(), (0..17).collect::<Vec<_>>());
    assert_eq!(indices(&HALPE26).unwrap(), (0..17).collect::<Vec<_>>());
    assert_eq!(indices(&BODY25).unwrap(), [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11]);
    assert_eq!(indices(&MEDIAPIPE33).unwrap(), [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]);
    let refusal = indices(&H36M17).unwrap_err();
    assert!(refusal.to_string().contains("nose, left_eye, right_eye, left_ear, right_ear missing"), "{refusal}");
    assert!(refusal.hint_text().is_some());
}

#[test]
fn a_users_layout_may_lack_joints_if_it_has_a_trunk() {
    let body = named_layout(&COCO17.joints[5..]).unwrap();
    let conversion = Conversion::new(body, COCO17.joints).unwrap();
    assert_eq!(conversion.absent(), &COCO17.joints[..5]);
    let points: Vec<_> = (0..12).map(|i| Keypoint { x: f64::from(i), y: 0.0, score: 1.0 }).collect();
    let taken: Vec<_> = conversion.apply(&points).collect();
    assert!(taken[..5].iter().all(|point| point.is_missing()) && taken[5].x == 0.0 && taken[16].x == 11.0);
    let legs = named_layout(&COCO17.joints[11..]).unwrap();
    assert!(Conversion::new(legs, COCO17.joints).unwrap_err().to_string().contains("left_wrist"));
}

#[test]
fn a_model_of_feet_reads_every_layout_that_holds_coco() {
    let feet = |layout: &Layout| {
        let conversion = Conversion::new(layout, COCO23.joints).unwrap();
        assert_eq!(conversion.target_len(), 23, "{}", layout.name);
        let body = Conversion::new(layout, COCO17.joints).unwrap();
        assert_eq!(conversion.source_of[..17], body.source_of, "{}", layout.name);
        (conversion.source_of[17..].to_vec(), conversion)
    };
    // Left big toe, small toe and heel, then right.
    for (layout, places) in [
        (&BODY25, [19, 20, 21, 22, 23, 24]),
        (&BODY25B, [19, 20, 21, 22, 23, 24]),
        (&HALPE26, [20, 22, 24, 21, 23, 25]),
        (&HALPE136, [20, 22, 24, 21, 23, 25]),
        (&WHOLEBODY133, [17, 18, 19, 20, 21, 22]),
        (&OPENPOSE134, [18, 19, 20, 21, 22, 23]),
        (&COCO23, [17, 18, 19, 20, 21, 22]),
    ] {
        let (found, conversion) = feet(layout);
        assert_eq!(found, places.map(Some), "{}", layout.name);
        assert_eq!(conversion.absent_notice(), None);
    }
    let (found, conversion) = feet(&MEDIAPIPE33);
    assert_eq!(found, [Some(31), None, Some(29), Some(32), None, Some(30)]);
    let notice = "layout mediapipe33 has no left_small_toe, right_small_toe: missing in every frame";
    assert_eq!(conversion.absent_notice(), Some(notice));
    for layout in [&COCO17, &COCO18] {
        let (found, conversion) = feet(layout);
        assert_eq!((found, conversion.absent().len()), (vec![None; 6], 6));
        let notice = format!("layout {} has no feet: toes and heels are missing in every frame", layout.name);
        assert_eq!(conversion.absent_notice(), Some(notice.as_str()));
    }
}

#[test]
fn only_feet_may_be_lacking_in_a_known_layout() {
    let refusal = Conversion::new(&H36M17, COCO23.joints).unwrap_err().to_string();
    assert!(refusal.ends_with("reads: nose, left_eye, right_eye, left_ear, right_ear missing"), "{refusal}");
    for layout in LAYOUTS {
        let reads_body = Conversion::new(layout, COCO17.joints).is_ok();
        assert_eq!(Conversion::new(layout, COCO23.joints).is_ok(), reads_body, "{}", layout.name);
    }
}

#[test]
fn points_follow_their_joint() {
    let points: Vec<_> = (0..25).map(|i| Keypoint { x: f64::from(i), y: 0.0, score: 1.0 }).collect();
    let conversion = Conversion::new(&BODY25, COCO17.joints).unwrap();
    let taken: Vec<_> = conversion.apply(&points).map(|point| point.x).collect();
    assert_eq!(&taken[..5], [0.0, 16.0, 15.0, 18.0, 17.0]);
}
