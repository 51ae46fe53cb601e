// Lifts frames as they come. Each line of stdin is a frame: its time in seconds, the number of people, and for each of them
// x, y and score of the 17 points of COCO-17. A line of stdout is a person: frame, id, and where the right wrist is.

#include <poselift.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t points = 17;

void check(poselift_status status) {
    if (status != POSELIFT_STATUS_OK) {
        throw std::runtime_error(poselift_error());
    }
}

struct Close {
    void operator()(poselift_lifter *lifter) const { poselift_close(lifter); }
    void operator()(poselift_stream *stream) const { poselift_stream_close(stream); }
};

using Lifter = std::unique_ptr<poselift_lifter, Close>;
using Stream = std::unique_ptr<poselift_stream, Close>;

Lifter open_lifter() {
    poselift_lifter *lifter = nullptr;
    check(poselift_open(nullptr, nullptr, &lifter));
    return Lifter(lifter);
}

Stream open_stream(const poselift_lifter *lifter, const poselift_stream_options &options) {
    poselift_stream *stream = nullptr;
    check(poselift_stream_open(lifter, &options, &stream));
    return Stream(stream);
}

std::size_t joint_named(const poselift_skeleton &skeleton, const std::string &name) {
    for (std::size_t joint = 0; joint < skeleton.joints; joint++) {
        if (name == skeleton.joint_names[joint]) {
            return joint;
        }
    }
    throw std::runtime_error("the model has no " + name);
}

// Prints the frames that are ready, and on stderr what the stream has to say.
void print(const poselift_stream *stream, std::size_t joint) {
    while (const poselift_frame *frame = poselift_stream_next(stream)) {
        for (std::size_t at = 0; at < frame->people_count; at++) {
            const poselift_person &person = frame->people[at];
            const float *wrist = &person.joints[joint * 3];
            std::cout << frame->index << ' ' << person.id << ' ' << wrist[0] << ' ' << wrist[1] << ' ' << wrist[2] << '\n';
        }
    }
    while (const char *notice = poselift_stream_notice(stream)) {
        std::cerr << notice << '\n';
    }
}

void lift_all(std::istream &input) {
    const Lifter lifter = open_lifter();
    poselift_stream_options options = {};
    options.layout = "coco17";
    options.width = 1768;
    options.height = 994;
    options.smooth = "live";
    const Stream stream = open_stream(lifter.get(), options);
    const std::size_t wrist = joint_named(poselift_model(lifter.get())->output, "right_wrist");

    for (std::string line; std::getline(input, line);) {
        std::istringstream numbers(line);
        double time = 0;
        std::size_t people = 0;
        numbers >> time >> people;
        std::vector<float> key_points(people * points * 3);
        for (float &number : key_points) {
            numbers >> number;
        }
        if (!numbers) {
            throw std::runtime_error("a line with too few numbers: " + line);
        }
        check(poselift_stream_push(stream.get(), time, key_points.data(), people, points, 3, nullptr, nullptr));
        print(stream.get(), wrist);
    }
    check(poselift_stream_finish(stream.get(), nullptr));
    print(stream.get(), wrist);
}

}  // namespace

int main() {
    std::cout.precision(9);
    try {
        lift_all(std::cin);
    } catch (const std::exception &error) {
        std::cerr << "error: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
