//! Poses as OSC bundles, a frame each: the VMC protocol's, which XR Animator, VSeeFace, Warudo and EVMC4U move avatars
//! by, or VRChat's trackers.
//!
//! VMC: `/VMC/Ext/OK`, `/VMC/Ext/T`, `/VMC/Ext/Root/Pos`, and for each bone `/VMC/Ext/Bone/Pos` with
//! Unity's name of it, its position and its rotation relative to its parent, in Unity's axes. All fits one packet of a
//! usual network. The addresses are those of <https://protocol.vmc.info/marionette-spec>.
//!
//! VRChat: `/tracking/trackers/1/position` and `/rotation` to 8, and `head`, as of
//! <https://docs.vrchat.com/docs/osc-trackers>.

use std::net::UdpSocket;
use std::time::Instant;

use rosc::encoder::encode;
use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};

use super::send::{DatagramSender, Report};
use crate::error::{Error, Result};
use crate::export::humanoid::{Humanoid, HumanoidBone, Tracker};
use crate::format::{PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};

/// Frames that the followed person may be out of sight before another is followed.
const FRAMES_OUT_OF_SIGHT: u32 = 30;

/// A bundle that is due when it comes.
const AT_ONCE: OscTime = OscTime { seconds: 0, fractional: 1 };

/// The kind of messages by which a receiver moves avatars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OscForm {
    /// Bones of the VMC protocol.
    Vmc,
    /// VRChat's trackers.
    Trackers,
}

impl OscForm {
    /// The form that the path of an address names: none for VMC, `/tracking` for trackers.
    ///
    /// # Errors
    /// Another path.
    pub fn of_path(path: &str) -> Result<Self> {
        match path {
            "" => Ok(Self::Vmc),
            "/tracking" => Ok(Self::Trackers),
            other => Err(Error::usage(format!(
                "'{other}' behind the port, expected nothing (VMC protocol) or /tracking (VRChat's trackers)"
            ))),
        }
    }
}

/// Sends one person's bones or trackers, a bundle a frame.
///
/// An avatar is one person: the first in the stream is followed by the id, until out of sight for 30 frames.
pub struct OscWriter {
    sender: DatagramSender,
    form: OscForm,
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
    /// To the peer of `socket`, poses of a stream of `info` as `form`.
    ///
    /// # Errors
    /// A skeleton that is no whole body, or a unit of unknown size.
    pub fn new(socket: UdpSocket, name: String, form: OscForm, info: &PoseInfo, report: Report) -> Result<Self> {
        let humanoid = Humanoid::new(info).map_err(|error| error.at(&name))?;
        let sender = DatagramSender::new(socket, name, report);
        Ok(Self { sender, form, humanoid, followed: Followed::default(), started: Instant::now() })
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
    encoded(content)
}

/// The bundle of one frame of trackers.
fn tracker_bundle(trackers: &[Tracker]) -> Result<Vec<u8>> {
    let mut content = Vec::with_capacity(2 * trackers.len());
    for tracker in trackers {
        for (what, numbers) in [("position", tracker.position), ("rotation", tracker.degrees)] {
            let address = format!("/tracking/trackers/{}/{what}", tracker.name);
            content.push(message(&address, numbers.map(OscType::Float).to_vec()));
        }
    }
    encoded(content)
}

fn encoded(content: Vec<OscPacket>) -> Result<Vec<u8>> {
    let bundle = OscPacket::Bundle(OscBundle { timetag: AT_ONCE, content });
    encode(&bundle).map_err(|error| Error::runtime(format!("a bundle cannot be written: {error:?}")))
}

impl PoseWriter for OscWriter {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let Some(person) = self.followed.choose(&lifted.people) else { return Ok(()) };
        let time = self.started.elapsed().as_secs_f32();
        let bytes = match self.form {
            OscForm::Vmc => bundle(self.humanoid.bones(person), time)?,
            OscForm::Trackers => tracker_bundle(self.humanoid.trackers(person))?,
        };
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
    use super::*;

    #[test]
    fn a_frame_fits_one_packet_of_a_usual_network() {
        // 1500 bytes less the headers of IP and UDP.
        const MAX_BYTES: usize = 1472;
        let names = ["Hips", "Spine", "Chest", "Neck", "Head"];
        let sides = ["UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand"];
        let right: Vec<String> = sides.iter().map(|side| format!("Right{side}")).collect();
        let all =
            names.into_iter().chain(right.iter().chain(&right).map(|name| name.as_str().to_owned().leak() as &str));
        let bones: Vec<_> = all.map(|name| HumanoidBone { name, position: [1.0; 3], rotation: [0.5; 4] }).collect();
        let bytes = bundle(&bones, 1.5).unwrap();
        assert!(bytes.len() <= MAX_BYTES, "{} bytes", bytes.len());
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
