/* Lifts one person with the built-in model, and prints where each joint is. */

#include <math.h>
#include <poselift.h>
#include <stdio.h>
#include <stdlib.h>

/* x, y in pixels and the score of COCO-17: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles. */
static const float key_points[17][3] = {
    {647.1f, 180.1f, 0.95f}, {655.2f, 171.9f, 0.93f}, {639.8f, 171.4f, 0.94f}, {668.3f, 176.0f, 0.88f},
    {628.9f, 175.2f, 0.9f},  {688.4f, 238.7f, 0.96f}, {610.3f, 236.2f, 0.97f}, {704.9f, 312.5f, 0.91f},
    {592.8f, 309.4f, 0.94f}, {711.2f, 381.6f, 0.87f}, {586.1f, 377.3f, 0.9f},  {672.5f, 388.1f, 0.97f},
    {624.7f, 387.4f, 0.97f}, {676.3f, 492.0f, 0.95f}, {620.2f, 490.6f, 0.95f}, {679.8f, 591.5f, 0.92f},
    {617.4f, 589.8f, 0.93f},
};

static void stop(const char *action) {
    fprintf(stderr, "cannot %s: %s\n", action, poselift_error());
    exit(1);
}

int main(void) {
    poselift_lifter *lifter;
    if (poselift_open(NULL, NULL, &lifter) != POSELIFT_STATUS_OK) {
        stop("open the model");
    }
    const poselift_model_info *model = poselift_model(lifter);
    const size_t joints = model->output.joints;
    float *pose = malloc(joints * 3 * sizeof *pose);
    float *sigma = malloc(joints * sizeof *sigma);
    if (pose == NULL || sigma == NULL) {
        return 1;
    }

    const poselift_camera camera = {.width = 1280, .height = 720};
    if (poselift_lift(lifter, key_points[0], 1, 17, 3, "coco17", &camera, pose, joints * 3, sigma, joints)
        != POSELIFT_STATUS_OK) {
        stop("lift");
    }
    for (size_t joint = 0; joint < joints; joint++) {
        const float *at = &pose[joint * 3];
        printf("%-16s %8.4f %8.4f %8.4f %s, give or take %.0f mm\n", model->output.joint_names[joint], at[0], at[1], at[2],
               model->unit, round(sigma[joint] * 1000));
    }
    free(pose);
    free(sigma);
    poselift_close(lifter);
    return 0;
}
