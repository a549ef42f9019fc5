/* Plays every scene and prints "name<TAB>what was said", for tests/conformance/test_vectors.py.
 * With names as arguments, only those. */
#include "tests/conformance/stage.h"

#include <stdio.h>
#include <string.h>

static bool wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return argc == 1;
}

static void play_all(const struct scenes *scenes, int argc, char **argv) {
    for (size_t i = 0; i < scenes->count; i++) {
        const struct scene *scene = &scenes->list[i];
        if (!wanted(scene->name, argc, argv)) continue;
        stage_open();
        scene->play(scene);
        printf("%s\t%s\n", scene->name, said());
        fflush(stdout);
        stage_close();
    }
}

int main(int argc, char **argv) {
    play_all(&signal_scenes, argc, argv);
    play_all(&message_scenes, argc, argv);
    play_all(&server_scenes, argc, argv);
    play_all(&code_scenes, argc, argv);
    play_all(&supervisor_scenes, argc, argv);
    return 0;
}
