/* Feed every file of the folders or files given to a fuzzer's function: the corpus as a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    static uint8_t data[1 << 20];
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    uint8_t *exact = malloc(size + (size == 0)); /* so that a sanitizer sees the end */
    if (exact == NULL) return 0;
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

static int replay(const char *path) {
    DIR *folder = opendir(path);
    if (folder == NULL) return replay_file(path);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        char inner[1024];
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        count += replay_file(inner);
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv) {
    int passed = 0;
    for (int i = 1; i < argc; i++) passed += replay(argv[i]);
    printf("%d passed, 0 failed\n", passed);
    return passed > 0 ? 0 : 1;
}
