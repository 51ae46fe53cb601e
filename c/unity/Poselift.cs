// poselift for Unity and other C#: the signatures of poselift.h, and two classes over them.
//
// Put this file and the library (libposelift.so, poselift.dll or libposelift.dylib) into Assets/Plugins. Poses are in the
// model's unit (`Lifter.Unit`, metres with the built-in models), in the camera's axes, x right, y down, z forward; Unity's y
// points up: `Axes.ToUnity`.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Poselift
{
    /// The result of a call.
    public enum Status
    {
        Ok = 0,
        BadInput = 1,
        BadUsage = 2,
        BadModel = 3,
        Runtime = 4,
        Io = 5,
        Internal = 6,
    }

    /// Where and how a model runs; what is not set is as usual.
    [StructLayout(LayoutKind.Sequential)]
    public sealed class Options
    {
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string device;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string engine;
        public UIntPtr threads;
        public UIntPtr batch;
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 4)] public ulong[] reserved = new ulong[4];
    }

    /// What the frames of a stream are, and what is done with their poses; what is not set is as usual.
    [StructLayout(LayoutKind.Sequential)]
    public sealed class StreamOptions
    {
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string layout;
        public uint width;
        public uint height;
        public float focal;
        public double fps;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string smooth;
        [MarshalAs(UnmanagedType.I1)] public bool level;
        public float pitch;
        public float roll;
        [MarshalAs(UnmanagedType.I1)] public bool root;
        [MarshalAs(UnmanagedType.I1)] public bool contacts;
        public uint rotate;
        [MarshalAs(UnmanagedType.I1)] public bool y_up;
        public float min_score;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string person;
        public ulong max_gap;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string camera;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string camera_name;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string camera_up;
        [MarshalAs(UnmanagedType.I1)] public bool keep_sides;
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 7)] public byte[] reserved_bytes = new byte[7];
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 7)] public ulong[] reserved = new ulong[7];
    }

    /// The camera that saw a batch.
    [StructLayout(LayoutKind.Sequential)]
    public sealed class Camera
    {
        public uint width;
        public uint height;
        public float focal;
    }

    /// Joints in order, with their names and parents.
    [StructLayout(LayoutKind.Sequential)]
    public struct NativeSkeleton
    {
        public IntPtr name;
        public UIntPtr joints;
        public IntPtr joint_names;
        public IntPtr parents;
    }

    /// What a model takes and gives.
    [StructLayout(LayoutKind.Sequential)]
    public struct NativeModel
    {
        public IntPtr name;
        public IntPtr engine;
        public IntPtr device;
        public IntPtr note;
        public IntPtr unit;
        public NativeSkeleton input;
        public NativeSkeleton output;
        [MarshalAs(UnmanagedType.I1)] public bool has_sigma;
    }

    /// A person who was lifted.
    [StructLayout(LayoutKind.Sequential)]
    public struct NativePerson
    {
        [MarshalAs(UnmanagedType.I1)] public bool has_id;
        [MarshalAs(UnmanagedType.I1)] public bool has_root;
        public sbyte left_contact;
        public sbyte right_contact;
        public long id;
        public float score;
        public float root_x;
        public float root_y;
        public float root_z;
        public IntPtr joints;
        public IntPtr sigma;
        public IntPtr missing;
    }

    /// A frame with its poses.
    [StructLayout(LayoutKind.Sequential)]
    public struct NativeFrame
    {
        public ulong index;
        public double time;
        public UIntPtr people_count;
        public IntPtr people;
    }

    /// The functions of poselift.h, which says what they do.
    public static class Native
    {
        public const uint Abi = 1;
#if UNITY_IOS && !UNITY_EDITOR
        private const string Library = "__Internal";
#else
        private const string Library = "poselift";
#endif

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern uint poselift_abi();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr poselift_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr poselift_error();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern Status poselift_layout(
            [MarshalAs(UnmanagedType.LPUTF8Str)] string name, out IntPtr layout);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern Status poselift_open(
            [MarshalAs(UnmanagedType.LPUTF8Str)] string path, Options options, out IntPtr lifter);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern Status poselift_open_bytes(
            byte[] bytes, UIntPtr length, Options options, out IntPtr lifter);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern void poselift_close(IntPtr lifter);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr poselift_model(IntPtr lifter);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern Status poselift_lift(
            IntPtr lifter, float[] key_points, UIntPtr people, UIntPtr joints, UIntPtr channels,
            [MarshalAs(UnmanagedType.LPUTF8Str)] string layout, Camera camera,
            [Out] float[] poses, UIntPtr poses_length, [Out] float[] sigma, UIntPtr sigma_length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern Status poselift_stream_open(IntPtr lifter, StreamOptions options, out IntPtr stream);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern void poselift_stream_close(IntPtr stream);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern Status poselift_stream_push(
            IntPtr stream, double time, float[] key_points, UIntPtr people, UIntPtr joints, UIntPtr channels,
            long[] ids, out UIntPtr ready);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern Status poselift_stream_finish(IntPtr stream, out UIntPtr ready);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr poselift_stream_next(IntPtr stream);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr poselift_stream_notice(IntPtr stream);

        /// The text at a pointer; null for NULL.
        public static string Text(IntPtr pointer)
        {
            if (pointer == IntPtr.Zero) return null;
            var length = 0;
            while (Marshal.ReadByte(pointer, length) != 0) length++;
            var bytes = new byte[length];
            Marshal.Copy(pointer, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        /// Throws what poselift says of a call that did not succeed.
        public static void Check(Status status)
        {
            if (status != Status.Ok) throw new PoseliftException(status, Text(poselift_error()));
        }
    }

    /// An error, with what was found and expected.
    public sealed class PoseliftException : Exception
    {
        public Status Status { get; }

        public PoseliftException(Status status, string message) : base(message)
        {
            Status = status;
        }
    }

    /// From the camera's axes to those of Unity.
    public static class Axes
    {
#if UNITY_5_3_OR_NEWER
        /// The position of a joint, y up, in Unity's left-handed axes.
        public static UnityEngine.Vector3 ToUnity(float[] joints, int joint)
        {
            return new UnityEngine.Vector3(joints[joint * 3], -joints[joint * 3 + 1], joints[joint * 3 + 2]);
        }
#endif

        /// Turns y up in place, `[joints, 3]`: the axes are left-handed then, as Unity's are.
        public static void ToUnity(float[] joints)
        {
            for (var at = 1; at < joints.Length; at += 3) joints[at] = -joints[at];
        }
    }

    /// A model that is ready to run. Threads may share it; calls of `Lift` wait for each other, streams do not.
    public sealed class Lifter : IDisposable
    {
        internal IntPtr Handle { get; private set; }

        /// `[joints]` names of the pose's joints.
        public string[] JointNames { get; }

        /// `[joints]` their parents, -1 for the root.
        public int[] Parents { get; }

        /// The number of key points that the model takes.
        public int KeyPoints { get; }

        public bool HasSigma { get; }

        /// The unit of length of poses: "m", or "unknown" where the training data named none.
        public string Unit { get; }

        /// Opens a model file, or with null the one that is built in.
        public Lifter(string path = null, Options options = null)
        {
            if (Native.poselift_abi() != Native.Abi)
            {
                throw new DllNotFoundException("poselift " + Native.Text(Native.poselift_version()) + " has another ABI");
            }
            IntPtr handle;
            Native.Check(Native.poselift_open(path, options, out handle));
            Handle = handle;
            var model = (NativeModel)Marshal.PtrToStructure(Native.poselift_model(handle), typeof(NativeModel));
            KeyPoints = (int)model.input.joints;
            HasSigma = model.has_sigma;
            Unit = Native.Text(model.unit);
            var joints = (int)model.output.joints;
            JointNames = new string[joints];
            for (var joint = 0; joint < joints; joint++)
            {
                JointNames[joint] = Native.Text(Marshal.ReadIntPtr(model.output.joint_names, joint * IntPtr.Size));
            }
            Parents = new int[joints];
            Marshal.Copy(model.output.parents, Parents, 0, joints);
        }

        /// Lifts `[people, joints, 3]` key points; gives `[people, joints, 3]` in the model's unit, NaN for who cannot be lifted.
        public float[] Lift(float[] keyPoints, int people, string layout = null, Camera camera = null)
        {
            if (people <= 0 || keyPoints.Length % (people * 3) != 0)
            {
                throw new ArgumentException(keyPoints.Length + " numbers for " + people + " people, expected x, y, score of each point");
            }
            var joints = keyPoints.Length / people / 3;
            var poses = new float[people * JointNames.Length * 3];
            Native.Check(Native.poselift_lift(
                Handle, keyPoints, (UIntPtr)people, (UIntPtr)joints, (UIntPtr)3, layout, camera,
                poses, (UIntPtr)poses.Length, null, UIntPtr.Zero));
            GC.KeepAlive(this);
            return poses;
        }

        public void Dispose()
        {
            Native.poselift_close(Handle);
            Handle = IntPtr.Zero;
            GC.SuppressFinalize(this);
        }

        ~Lifter()
        {
            Native.poselift_close(Handle);
        }
    }

    /// A person in a frame.
    public sealed class Person
    {
        /// The track; null if it is not known.
        public long? Id;
        public float Score;
        /// `[joints, 3]` from the root joint, in the model's unit, x right, y down, z forward.
        public float[] Joints;
        /// `[joints]` how far off each may be; null if the model does not say.
        public float[] Sigma;
        /// Where the root joint is, [3]; null unless it was asked for and found.
        public float[] Root;
        /// Whether the left and the right foot stand; null unless it was asked for and is known.
        public bool? LeftContact;
        public bool? RightContact;
    }

    /// A frame with its poses.
    public sealed class Frame
    {
        public ulong Index;
        public double Time;
        public List<Person> People = new List<Person>();
    }

    /// A stream of one camera's frames, for one thread at a time.
    public sealed class PoseStream : IDisposable
    {
        private IntPtr handle;
        private readonly int joints;

        public PoseStream(Lifter lifter, StreamOptions options = null)
        {
            joints = lifter.JointNames.Length;
            Native.Check(Native.poselift_stream_open(lifter.Handle, options, out handle));
            GC.KeepAlive(lifter);
        }

        /// Lifts a frame of `[people, points, 3]` key points; gives the frames that are finished by it.
        public List<Frame> Push(double time, float[] keyPoints, int people, int points, long[] ids = null)
        {
            if (keyPoints.Length != people * points * 3)
            {
                throw new ArgumentException(keyPoints.Length + " numbers for " + people + " people of " + points + " points, expected x, y, score of each point");
            }
            if (ids != null && ids.Length != people)
            {
                throw new ArgumentException(ids.Length + " ids for " + people + " people, expected one for each, or null");
            }
            UIntPtr ready;
            Native.Check(Native.poselift_stream_push(
                handle, time, keyPoints, (UIntPtr)people, (UIntPtr)points, (UIntPtr)3, ids, out ready));
            return Take();
        }

        /// Gives the frames that still wait for later ones.
        public List<Frame> Finish()
        {
            UIntPtr ready;
            Native.Check(Native.poselift_stream_finish(handle, out ready));
            return Take();
        }

        /// What was assumed, found odd or could not be lifted; null if there is nothing more.
        public string Notice()
        {
            var text = Native.Text(Native.poselift_stream_notice(handle));
            GC.KeepAlive(this);
            return text;
        }

        private List<Frame> Take()
        {
            var frames = new List<Frame>();
            for (var next = Native.poselift_stream_next(handle); next != IntPtr.Zero; next = Native.poselift_stream_next(handle))
            {
                frames.Add(Copy((NativeFrame)Marshal.PtrToStructure(next, typeof(NativeFrame))));
            }
            GC.KeepAlive(this);
            return frames;
        }

        private Frame Copy(NativeFrame native)
        {
            var frame = new Frame { Index = native.index, Time = native.time };
            var size = Marshal.SizeOf(typeof(NativePerson));
            for (var at = 0; at < (int)native.people_count; at++)
            {
                var place = new IntPtr(native.people.ToInt64() + at * size);
                frame.People.Add(Copy((NativePerson)Marshal.PtrToStructure(place, typeof(NativePerson))));
            }
            return frame;
        }

        private Person Copy(NativePerson native)
        {
            return new Person
            {
                Id = native.has_id ? native.id : (long?)null,
                Score = native.score,
                Joints = Floats(native.joints, joints * 3),
                Sigma = Floats(native.sigma, joints),
                Root = native.has_root ? new[] { native.root_x, native.root_y, native.root_z } : null,
                LeftContact = Contact(native.left_contact),
                RightContact = Contact(native.right_contact),
            };
        }

        private static bool? Contact(sbyte number)
        {
            return number < 0 ? (bool?)null : number > 0;
        }

        private static float[] Floats(IntPtr from, int length)
        {
            if (from == IntPtr.Zero) return null;
            var copy = new float[length];
            Marshal.Copy(from, copy, 0, length);
            return copy;
        }

        public void Dispose()
        {
            Native.poselift_stream_close(handle);
            handle = IntPtr.Zero;
            GC.SuppressFinalize(this);
        }

        ~PoseStream()
        {
            Native.poselift_stream_close(handle);
        }
    }
}
