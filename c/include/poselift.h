/* poselift: 2D human key points to 3D poses.
 *
 * Every function that can fail returns a status, and poselift_error() says what went wrong on this thread. No panic and no
 * exception crosses this interface. Texts are UTF-8. What poselift gives as a pointer to const belongs to poselift.
 *
 * Threads: any number of them may use one poselift_lifter. Calls of poselift_lift on one lifter wait for each other; streams
 * do not. A poselift_stream is for one thread at a time. The last call on either is its close.
 *
 * Link with -lposelift. c/examples/ has programs in C, C++ and C#.
 */

#ifndef POSELIFT_H
#define POSELIFT_H

/* Made of c/src/ by cbindgen: do not edit. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The version of this interface. It grows when a program that was compiled with an older header could go wrong, and
 * not when something is added.
 */
#define POSELIFT_ABI 1

/**
 * The result of a call. `poselift_error` says more.
 */
enum poselift_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    POSELIFT_STATUS_OK = 0,
    /**
     * Key points that are not what they were said to be, or not what the model takes.
     */
    POSELIFT_STATUS_BAD_INPUT = 1,
    /**
     * A NULL pointer where none is allowed, or an invalid length or option.
     */
    POSELIFT_STATUS_BAD_USAGE = 2,
    /**
     * A file that is no model of poselift, or not a whole one.
     */
    POSELIFT_STATUS_BAD_MODEL = 3,
    /**
     * ONNX Runtime or a device is needed, and missing or not usable.
     */
    POSELIFT_STATUS_RUNTIME = 4,
    /**
     * The operating system refused: no such file, no permission.
     */
    POSELIFT_STATUS_IO = 5,
    /**
     * A bug in poselift. The object that the call was about can only be closed.
     */
    POSELIFT_STATUS_INTERNAL = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum poselift_status poselift_status;
#else
typedef int32_t poselift_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A model that is ready to run. Any number of threads may use one; only `poselift_close` must be the last call. Calls of
 * `poselift_lift` on one lifter wait for each other; streams do not.
 */
typedef struct poselift_lifter poselift_lifter;

/**
 * A stream of frames of one camera. Streams of one model lift on the threads that call them and do not wait for each other.
 * One stream is for one thread at a time, since what it gives is valid until its next call.
 */
typedef struct poselift_stream poselift_stream;

/**
 * Joints in order, with their names and the tree that connects them.
 */
typedef struct poselift_skeleton {
    /**
     * "coco17", "h36m17", or "custom".
     */
    const char *name;
    /**
     * The number of joints.
     */
    size_t joints;
    /**
     * `[joints]` names: the same joint has the same name everywhere, "left_knee".
     */
    const char *const *joint_names;
    /**
     * `[joints]` index of each joint's parent, -1 for a root.
     */
    const int32_t *parents;
} poselift_skeleton;

/**
 * Where and how a model runs. Set it to zero and then what differs from the usual.
 */
typedef struct poselift_options {
    /**
     * "auto", "cpu", "cuda" or "cuda:1"; NULL for auto.
     */
    const char *device;
    /**
     * What computes on a CPU: "auto", "own", "onnxruntime" or "openvino"; NULL for auto.
     */
    const char *engine;
    /**
     * Threads that share a large batch, 1 to 512; 0 for all cores, 16 at most.
     */
    size_t threads;
    /**
     * Most poses that the network gets at once, 1 to 262144; 0 for what runs fastest.
     */
    size_t batch;
    /**
     * Reserved; must be 0.
     */
    uint64_t reserved[4];
} poselift_options;

/**
 * What a model takes and gives.
 */
typedef struct poselift_model_info {
    /**
     * The model's name, "coco17-int8".
     */
    const char *name;
    /**
     * What computes it: "own kernels, AVX2", "ONNX Runtime".
     */
    const char *engine;
    /**
     * Where it runs: "cpu", "cuda:0".
     */
    const char *device;
    /**
     * What is worth knowing of that: why there is no GPU, or that the kernels were not compared with ONNX Runtime. Empty if
     * there is nothing.
     */
    const char *note;
    /**
     * The unit of length of poses: "m", or "unknown" where the training data named none.
     */
    const char *unit;
    /**
     * The key points that it takes.
     */
    struct poselift_skeleton input;
    /**
     * The joints that it gives.
     */
    struct poselift_skeleton output;
    /**
     * Whether it says how far off each joint may be.
     */
    bool has_sigma;
} poselift_model_info;

/**
 * A camera without distortion whose axis goes through the middle of the image.
 */
typedef struct poselift_camera {
    /**
     * The image's width in pixels.
     */
    uint32_t width;
    /**
     * The image's height in pixels.
     */
    uint32_t height;
    /**
     * The focal length in pixels; 0 for 0.9 times the longer side.
     */
    float focal;
} poselift_camera;

/**
 * What the frames of a stream are, and what is done with their poses. Set it to zero and then what differs from the usual.
 * Each field is the option of `poselift run` with the same name, which docs/guide.md describes.
 */
typedef struct poselift_stream_options {
    /**
     * The key points' layout, "coco17", or a JSON file of joint names and places; NULL to find out by the first person.
     */
    const char *layout;
    /**
     * The image's width in pixels; 0 if it is unknown. With the size, people are turned to the optical axis first.
     */
    uint32_t width;
    /**
     * The image's height in pixels; 0 if it is unknown.
     */
    uint32_t height;
    /**
     * The focal length in pixels; 0 for 0.9 times the longer side.
     */
    float focal;
    /**
     * Frames a second, which gives a time to frames that have none; 0 if it is unknown.
     */
    double fps;
    /**
     * "live", "live:HZ", "clip" or "clip:SECONDS"; NULL for none. Frames need times.
     */
    const char *smooth;
    /**
     * Whether poses come in level axes, by `pitch` and `roll`.
     */
    bool level;
    /**
     * How far the camera looks down, degrees.
     */
    float pitch;
    /**
     * How far the camera is turned clockwise about where it looks, degrees.
     */
    float roll;
    /**
     * Whether people's roots are placed in front of the camera, also by feet that have stood for a second, by a camera that stands
     * still.
     */
    bool root;
    /**
     * Whether it is said of people's feet whether they stand.
     */
    bool contacts;
    /**
     * How far the image has to be turned clockwise to stand upright: 0, 90, 180 or 270 degrees.
     */
    uint32_t rotate;
    /**
     * Whether y points up in the key points.
     */
    bool y_up;
    /**
     * Key points of a lower score count as missing.
     */
    float min_score;
    /**
     * "all", "largest" or an id; NULL for all.
     */
    const char *person;
    /**
     * Frames that a person may be out of sight and keep the id, where ids come from tracking; 0 for 30.
     */
    uint64_t max_gap;
    /**
     * A calibration file; NULL for none.
     */
    const char *camera;
    /**
     * The camera's name in that file; NULL for the only one.
     */
    const char *camera_name;
    /**
     * The axis that is up in that file's world, "z" or "-y"; NULL for what the file says.
     */
    const char *camera_up;
    /**
     * Whether left and right legs that change places for a moment stay as the detector has them.
     */
    bool keep_sides;
    /**
     * Reserved; must be 0.
     */
    uint8_t reserved_bytes[7];
    /**
     * Reserved; must be 0.
     */
    uint64_t reserved[7];
} poselift_stream_options;

/**
 * A person who was lifted.
 */
typedef struct poselift_person {
    /**
     * Whether `id` is set; with several people the tracker sets it.
     */
    bool has_id;
    /**
     * Whether `root` is known.
     */
    bool has_root;
    /**
     * Whether the left foot stands, if the options asked for it: 1, 0, or -1 where it is not known.
     */
    int8_t left_contact;
    /**
     * The same of the right foot.
     */
    int8_t right_contact;
    /**
     * The person's track.
     */
    int64_t id;
    /**
     * The mean score of the key points that the model took.
     */
    float score;
    /**
     * Where the root joint is from the camera, if the options asked for it.
     */
    float root[3];
    /**
     * `[joints, 3]`: x right, y down, z forward, from the root joint, in the model's unit.
     */
    const float *joints;
    /**
     * `[joints]` the distance that 68 % of a joint's errors stay within; NULL if the model has no sigma.
     */
    const float *sigma;
    /**
     * `[joints]` whether the joint's key point was missing, so that the others placed it.
     */
    const bool *missing;
} poselift_person;

/**
 * A frame with its poses.
 */
typedef struct poselift_frame {
    /**
     * How many frames were pushed before it.
     */
    uint64_t index;
    /**
     * Seconds; NaN if it is unknown.
     */
    double time;
    /**
     * The number of people who were lifted.
     */
    size_t people_count;
    /**
     * `[people_count]`.
     */
    const struct poselift_person *people;
} poselift_frame;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The ABI of the library that was loaded: compare it with POSELIFT_ABI of the header.
 */
uint32_t poselift_abi(void);

/**
 * The version of the library, "0.1.0".
 */
const char *poselift_version(void);

/**
 * What went wrong in the last call on this thread that did not return POSELIFT_STATUS_OK: what was found and what was
 * expected, and after a line break `hint: ` with what to do, where there is something to do. Empty before the first error.
 *
 * The text is valid until the next error on this thread.
 */
const char *poselift_error(void);

/**
 * Gives a layout of key points by its name ("coco17", "body25", "mediapipe33" …), valid until the program ends.
 *
 * Errors: NULL; POSELIFT_STATUS_BAD_USAGE for an unknown name, with a text that lists the known ones.
 *
 * # Safety
 * `name` is NULL or leads to text that ends with a NUL.
 */
poselift_status poselift_layout(const char *name, const struct poselift_skeleton **layout);

/**
 * Opens a model file, or with a NULL `path` the model that is built in: COCO-17 in, Human3.6M-17 out. Where `path` is no
 * file, it may be the name of a model that is built in: `coco17`, `coco17-int8`, `coco17-memory`, which remembers people, or
 * `coco23-memory`, which reads and gives feet, too.
 *
 * `options` may be NULL. `lifter` gets the model, to be closed with `poselift_close`, or NULL after an error.
 *
 * Errors: NULL for `lifter`; options that are not possible; no such file; no model of poselift; ONNX Runtime missing where
 * the model or the device needs it.
 *
 * # Safety
 * Texts are NULL or end with a NUL.
 */
poselift_status poselift_open(const char *path,
                              const struct poselift_options *options,
                              struct poselift_lifter **lifter);

/**
 * As `poselift_open`, of a model file that is in memory. The `length` bytes are copied.
 *
 * # Safety
 * `bytes` leads to as many bytes; texts are NULL or end with a NUL.
 */
poselift_status poselift_open_bytes(const void *bytes,
                                    size_t length,
                                    const struct poselift_options *options,
                                    struct poselift_lifter **lifter);

/**
 * Closes a model; NULL is nothing to close. Streams of it go on.
 */
void poselift_close(struct poselift_lifter *lifter);

/**
 * What a model takes and gives, valid until it is closed; NULL for NULL.
 */
const struct poselift_model_info *poselift_model(const struct poselift_lifter *lifter);

/**
 * Lifts `people` at once. A large batch is shared among the model's threads. Calls on one lifter wait for each other.
 *
 * - `key_points` `[people, joints, channels]`: x, y in pixels from the top left corner, and of 3 channels the score, 0 to 1.
 *   A score of 0, or a coordinate that is no number, means missing.
 * - `layout` names the order of the joints: a name that `poselift_layout` knows, or the path of a .json file of joint names
 *   and places; NULL for the model's own.
 * - `camera` saw all of them; NULL if the image's size is not known, which costs accuracy beside the image's middle.
 * - `poses` gets `[people, output.joints, 3]`: x right, y down, z forward, in the model's unit, from the root joint. All are NaN
 *   for a person with fewer than 4 joints to be seen. `poses_length`, in floats, must be exactly people * output.joints * 3.
 * - `sigma` gets `[people, output.joints]`: the distance that 68 % of a joint's errors stay within. NULL with a
 *   `sigma_length` of 0 if it is not wanted; the model needs `has_sigma`.
 *
 * Errors: NULL, other lengths, another number of joints, a layout without joints that the model takes. Nothing is written
 * then.
 *
 * # Safety
 * Arrays have the lengths that are said, and do not overlap; texts are NULL or end with a NUL.
 */
poselift_status poselift_lift(const struct poselift_lifter *lifter,
                              const float *key_points,
                              size_t people,
                              size_t joints,
                              size_t channels,
                              const char *layout,
                              const struct poselift_camera *camera,
                              float *poses,
                              size_t poses_length,
                              float *sigma,
                              size_t sigma_length);

/**
 * Begins a stream, to be closed with `poselift_stream_close`. It stays valid after the model is closed, and waits for no other
 * call.
 *
 * `options` may be NULL. `stream` gets the stream, or NULL after an error.
 *
 * Errors: NULL for `lifter` or `stream`; options that are not possible; a calibration or a layout that cannot be read.
 *
 * # Safety
 * Texts are NULL or end with a NUL.
 */
poselift_status poselift_stream_open(const struct poselift_lifter *lifter,
                                     const struct poselift_stream_options *options,
                                     struct poselift_stream **stream);

/**
 * Closes a stream; NULL is nothing to close.
 */
void poselift_stream_close(struct poselift_stream *stream);

/**
 * Lifts a frame, and tells how many are `ready` for `poselift_stream_next`: this one, unless smoothing by "clip" waits for
 * later ones.
 *
 * - `time` in seconds; NaN if it is unknown.
 * - `key_points` `[people, joints, channels]`, as for `poselift_lift`. The frame is empty where `people` is 0.
 * - `ids` `[people]` of the detector's tracks; NULL for none. Where several people have none, they are tracked.
 * - `ready` may be NULL.
 *
 * A person who cannot be lifted is left out, and `poselift_stream_notice` says why.
 *
 * Errors: NULL; channels that are not 2 or 3; people without joints; coordinates that are no pixels, and no size to take
 * them to pixels by; no time where poses are smoothed. The frame is then lost, and the stream goes on with the next.
 *
 * # Safety
 * Arrays have the lengths that are said.
 */
poselift_status poselift_stream_push(const struct poselift_stream *stream,
                                     double time,
                                     const float *key_points,
                                     size_t people,
                                     size_t joints,
                                     size_t channels,
                                     const int64_t *ids,
                                     size_t *ready);

/**
 * Finishes the frames that wait for later ones, and tells how many are `ready`, which may be NULL. The next push begins
 * another clip.
 */
poselift_status poselift_stream_finish(const struct poselift_stream *stream, size_t *ready);

/**
 * The next frame that is ready, in the order of the pushes, valid until the stream's next call; NULL if none is.
 */
const struct poselift_frame *poselift_stream_next(const struct poselift_stream *stream);

/**
 * The next of what was assumed, found odd, or could not be lifted, valid until the stream's next call; NULL if there is
 * nothing to say. Of more than 256 that were not asked for, the oldest are dropped. What helps is named by the fields of the
 * stream's options.
 */
const char *poselift_stream_notice(const struct poselift_stream *stream);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* POSELIFT_H */
