//! Poses as OSC bundles of the VMC protocol, which XR Animator, VSeeFace, Warudo, and Unity's EVMC4U move avatars by.
//!
//! A bundle a frame: `/VMC/Ext/OK`, `/VMC/Ext/T`, `/VMC/Ext/Root/Pos`, and for each bone `/VMC/Ext/Bone/Pos` with
//! Unity's name of it, its position and its rotation relative to its parent, in Unity's axes. All fits one packet of a
//! usual network. The addresses are those of <https://protocol.vmc.info/marionette-spec>.

use std::net::UdpSocket;
use std::time::Instant;

use rosc::encoder::encode;
use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};

use super::send::{DatagramSender, Report};
use crate::error::{Error, Result};
use crate::export::humanoid::{Humanoid, HumanoidBone};
use crate::format::{PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};

/// Frames that the followed person may be out of sight before another is followed.
const FRAMES_OUT_OF_SIGHT: u32 = 30;

/// A bundle that is due when it comes.
const AT_ONCE: OscTime = OscTime { seconds: 0, fractional: 1 };

/// Sends one person's bones, a bundle a frame.
///
/// An avatar is one person: the first in the stream is followed by the id, until out of sight for a second.
pub struct OscWriter {
    sender: DatagramSender,
    humanoid: Humanoid,
    followed: Followed,
    started: Instant,
}

/// The person who is followed.
#[derive(Default)]
struct Followed {
    id: Option<i64>,
    out_of_sight: u32,
}

impl OscWriter {
    /// To the peer of `socket`, poses of a stream of `info`.
    ///
    /// # Errors
    /// A skeleton that is no whole body, or a unit of unknown size.
    pub fn new(socket: UdpSocket, name: String, info: &PoseInfo, report: Report) -> Result<Self> {
        let humanoid = Humanoid::new(info).map_err(|error| error.at(&name))?;
        let sender = DatagramSender::new(socket, name, report);
        Ok(Self { sender, humanoid, followed: Followed::default(), started: Instant::now() })
    }
}

impl Followed {
    fn choose<'a>(&mut self, people: &'a [LiftedPerson]) -> Option<&'a LiftedPerson> {
        let same = people.iter().find(|person| person.id == self.id);
        match same {
            Some(person) => {
                self.out_of_sight = 0;
                Some(person)
            }
            None if self.id.is_some() && self.out_of_sight < FRAMES_OUT_OF_SIGHT => {
                self.out_of_sight += 1;
                None
            }
            None => {
                let person = people.first()?;
                *self = Self { id: person.id, out_of_sight: 0 };
                Some(person)
            }
        }
    }
}

fn message(address: &str, args: Vec<OscType>) -> OscPacket {
    OscPacket::Message(OscMessage { addr: address.to_owned(), args })
}

/// A name, a position and a rotation.
fn placed(address: &str, name: &str, position: [f32; 3], rotation: [f32; 4]) -> OscPacket {
    let numbers = position.into_iter().chain(rotation).map(OscType::Float);
    message(address, std::iter::once(OscType::String(name.to_owned())).chain(numbers).collect())
}

/// The bundle of one frame, `time` seconds after the start.
fn bundle(bones: &[HumanoidBone], time: f32) -> Result<Vec<u8>> {
    let mut content = vec![
        message("/VMC/Ext/OK", vec![OscType::Int(1)]),
        message("/VMC/Ext/T", vec![OscType::Float(time)]),
        placed("/VMC/Ext/Root/Pos", "root", [0.0; 3], [0.0, 0.0, 0.0, 1.0]),
    ];
    content.extend(bones.iter().map(|bone| placed("/VMC/Ext/Bone/Pos", bone.name, bone.position, bone.rotation)));
    let bundle = OscPacket::Bundle(OscBundle { timetag: AT_ONCE, content });
    encode(&bundle).map_err(|error| Error::runtime(format!("a bundle cannot be written: {error:?}")))
}

impl PoseWriter for OscWriter {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let Some(person) = self.followed.choose(&lifted.people) else { return Ok(()) };
        let time = self.started.elapsed().as_secs_f32();
        let bytes = bundle(self.humanoid.bones(person), time)?;
        self.sender.send(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.sender.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_frame_fits_one_packet_of_a_usual_network() {
        // 1500 bytes less the headers of IP and UDP.
        const MOST: usize = 1472;
        let names = ["Hips", "Spine", "Chest", "Neck", "Head"];
        let sides = ["UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand"];
        let right: Vec<String> = sides.iter().map(|side| format!("Right{side}")).collect();
        let all =
            names.into_iter().chain(right.iter().chain(&right).map(|name| name.as_str().to_owned().leak() as &str));
        let bones: Vec<_> = all.map(|name| HumanoidBone { name, position: [1.0; 3], rotation: [0.5; 4] }).collect();
        let bytes = bundle(&bones, 1.5).unwrap();
        assert!(bytes.len() <= MOST, "{} bytes", bytes.len());
    }

    #[test]
    fn one_person_is_followed_until_long_out_of_sight() {
        let person = |id| LiftedPerson { id: Some(id), ..LiftedPerson::default() };
        let mut followed = Followed::default();
        let id = |followed: &mut Followed, people: &[LiftedPerson]| followed.choose(people).and_then(|found| found.id);
        assert_eq!(id(&mut followed, &[]), None);
        assert_eq!(id(&mut followed, &[person(3), person(1)]), Some(3));
        assert_eq!(id(&mut followed, &[person(1), person(3)]), Some(3));
        for _ in 0..FRAMES_OUT_OF_SIGHT {
            assert_eq!(id(&mut followed, &[person(1)]), None);
        }
        assert_eq!(id(&mut followed, &[person(1)]), Some(1));
    }
}
