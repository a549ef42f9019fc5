/* weft plot: runs, and rows of a benchmark, as pictures. */
#include "analysis/plot.h"

#include "core/base/error.h"
#include "core/config/suggest.h"
#include "sim/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

struct wishes {
    const char *files[ANA_PLOT_RUNS_MAX];
    uint32_t files_count;
    const char *folder;
    bool has_format, list, only[ANA_PLOT_COUNT], has_only;
    enum ana_plot_format format;
    uint64_t width;
};

static const char *const formats[] = {
    [ANA_PLOT_SVG] = "svg", [ANA_PLOT_PNG] = "png", [ANA_PLOT_DUMB] = "dumb"};
#define FORMATS_COUNT 3

static bool tell_unknown(const char *what, const char *name, const char *nearest) {
    fprintf(stderr, "weft: unknown %s \"%s\"", what, name);
    if (nearest != NULL) fprintf(stderr, ", did you mean \"%s\"?", nearest);
    fputc('\n', stderr);
    return false;
}

static bool take_format(void *into, const char *value) {
    struct wishes *wishes = into;
    for (unsigned i = 0; i < FORMATS_COUNT; i++) {
        if (strcmp(value, formats[i]) != 0) continue;
        wishes->format = i;
        wishes->has_format = true;
        return true;
    }
    const char *nearest = weft_suggest(value, formats, FORMATS_COUNT);
    return tell_unknown("format", value, nearest != NULL ? nearest : "svg");
}

static bool take_name(struct wishes *wishes, const char *name) {
    const char *names[ANA_PLOT_COUNT];
    for (unsigned i = 0; i < ANA_PLOT_COUNT; i++) {
        names[i] = ana_plot_name(i);
        if (strcmp(name, names[i]) != 0) continue;
        wishes->only[i] = true;
        return true;
    }
    return tell_unknown("picture", name, weft_suggest(name, names, ANA_PLOT_COUNT));
}

static bool take_only(void *into, const char *value) {
    struct wishes *wishes = into;
    wishes->has_only = true;
    while (true) {
        char name[32];
        size_t size = strcspn(value, ",");
        snprintf(name, sizeof name, "%.*s", (int)size, value);
        if (!take_name(wishes, name)) return false;
        if (value[size] == '\0') return true;
        value += size + 1;
    }
}

static bool take_width(void *into, const char *value) {
    struct wishes *wishes = into;
    if (cli_parse_u64(value, &wishes->width) && wishes->width >= ANA_PLOT_COLUMNS_MIN &&
        wishes->width <= ANA_PLOT_WIDTH_MAX)
        return true;
    fprintf(stderr, "weft: \"%s\" is no width: --width takes a number from %d to %d\n", value,
            ANA_PLOT_COLUMNS_MIN, ANA_PLOT_WIDTH_MAX);
    return false;
}

static bool take_folder(void *into, const char *value) {
    ((struct wishes *)into)->folder = value;
    return true;
}

static bool take_list(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->list = true;
    return true;
}

static bool take_file(void *into, const char *path) {
    struct wishes *wishes = into;
    if (wishes->files_count == ANA_PLOT_RUNS_MAX) {
        fprintf(stderr, "weft: at most %d runs in one picture, and \"%s\" is one more\n",
                ANA_PLOT_RUNS_MAX, path);
        return false;
    }
    wishes->files[wishes->files_count++] = path;
    return true;
}

static const struct cli_option options[] = {
    {"-o", "DIR", "write each picture to a file in DIR, which is made if it is not there",
     take_folder},
    {"--format", "FORMAT", "svg, png, or dumb: characters; svg with -o, else dumb", take_format},
    {"--only", "NAME,...", "only these pictures; may be repeated", take_only},
    {"--width", "N", "of a picture, in pixels or characters; 900, or the terminal's", take_width},
    {"--list", NULL, "print which pictures there are", take_list},
    {NULL, NULL, NULL, NULL},
};

void cli_plot_usage(FILE *out) {
    fputs("usage: weft plot RUN... [options]\n"
          "       weft plot ROWS.csv [options]\n\n"
          "Draw a run, or several runs together: a RUN is a trace, or the folder that weft trace "
          "--csv\n"
          "made of one. Or draw the rows of ./dev bench sim.\n"
          "gnuplot draws. Without -o the pictures are printed.\n\n",
          out);
    cli_print_options(out, options);
}

static void print_list(void) {
    for (unsigned i = 0; i < ANA_PLOT_COUNT; i++) {
        printf("%-12s %s\n", ana_plot_name(i), ana_plot_about(i));
    }
}

/* --- what is drawn --- */

struct drawing {
    const struct wishes *wishes;
    struct ana_series *runs[ANA_PLOT_RUNS_MAX];
    unsigned runs_count;
    struct ana_growth growth;
    bool has_growth;
    unsigned drawn;
};

static bool is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool is_rows(const char *path) {
    size_t size = strlen(path);
    return size > 4 && strcmp(path + size - 4, ".csv") == 0 && !is_folder(path);
}

static int read_rows(struct drawing *drawing, const char *path) {
    if (drawing->has_growth) {
        fprintf(stderr, "weft: one file of a benchmark's rows at a time, and \"%s\" is one more\n",
                path);
        return CLI_BAD_INPUT;
    }
    int rv = ana_growth_read(path, &drawing->growth);
    drawing->has_growth = rv == WEFT_OK;
    if (rv == WEFT_OK) return CLI_HOLDS;
    fprintf(stderr, "weft: %s\n", drawing->growth.why);
    return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
}

/* A trace, or what weft trace --csv made of one. */
static int read_run(struct drawing *drawing, const char *path) {
    char why[ANA_WHY_SIZE];
    struct ana_series_source source = {.trace = path};
    struct ana_series *run;
    bool csv = is_folder(path);
    int rv = csv ? ana_series_read_csv(path, &run, why) : ana_series_read(&source, &run, why);
    if (rv == WEFT_OK && !csv && ana_series_coarsen(run, ANA_SERIES_TRENDS_MAX) != WEFT_OK) {
        snprintf(why, sizeof why, "%.400s: out of memory", path);
        ana_series_free(run);
        rv = WEFT_ERR_NOMEM;
    }
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s\n", why);
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    drawing->runs[drawing->runs_count++] = run;
    const struct ana_page *page = ana_series_page(run);
    if (page->damaged > 0)
        fprintf(stderr, "weft: %s: damaged: %llu of its blocks are left out\n", path,
                (unsigned long long)page->damaged);
    if (!page->ended) fprintf(stderr, "weft: %s: the end of the run is not in it\n", path);
    return CLI_HOLDS;
}

static int read_files(struct drawing *drawing) {
    const struct wishes *wishes = drawing->wishes;
    int status = CLI_HOLDS;
    for (uint32_t i = 0; i < wishes->files_count && status == CLI_HOLDS; i++) {
        status = is_rows(wishes->files[i]) ? read_rows(drawing, wishes->files[i])
                                           : read_run(drawing, wishes->files[i]);
    }
    return status;
}

/* --- where it goes --- */

static unsigned terminal_width(void) {
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    uint64_t number;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    if (columns != NULL && cli_parse_u64(columns, &number) && number <= ANA_PLOT_COLUMNS_MAX)
        return (unsigned)number;
    return 0;
}

static int tell_io(const char *path) {
    fprintf(stderr, "weft: %s: %s\n", path, strerror(errno));
    return CLI_BAD_INPUT;
}

static int write_file(const struct wishes *wishes, const struct ana_plot_task *task) {
    static const char declaration[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
    const char *end = task->format == ANA_PLOT_DUMB ? "txt" : formats[task->format];
    char path[PATH_SIZE];
    int size =
        snprintf(path, sizeof path, "%s/%s.%s", wishes->folder, ana_plot_name(task->which), end);
    if (size < 0 || (size_t)size >= sizeof path) {
        errno = ENAMETOOLONG;
        return tell_io(wishes->folder);
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL) return tell_io(path);
    if (task->format == ANA_PLOT_SVG) fputs(declaration, file);
    fwrite(task->data, 1, task->size, file);
    bool good = !ferror(file);
    if (fclose(file) != 0 || !good) return tell_io(path);
    printf("%s\n", path);
    return CLI_HOLDS;
}

static int put(const struct drawing *drawing, const struct ana_plot_task *task) {
    if (drawing->wishes->folder != NULL) return write_file(drawing->wishes, task);
    if (drawing->drawn > 0) fputc('\n', stdout);
    fwrite(task->data, 1, task->size, stdout);
    return CLI_HOLDS;
}

static int draw(struct drawing *drawing, enum ana_plot which) {
    const struct wishes *wishes = drawing->wishes;
    struct ana_plot_task task = {.which = which,
                                 .runs_count = drawing->runs_count,
                                 .growth = drawing->has_growth ? &drawing->growth : NULL,
                                 .format = wishes->format,
                                 .width = (unsigned)wishes->width};
    for (unsigned i = 0; i < drawing->runs_count; i++) task.runs[i] = drawing->runs[i];
    if (task.width == 0 && wishes->format == ANA_PLOT_DUMB) task.width = terminal_width();
    int rv = ana_plot_draw(&task), status = CLI_HOLDS;
    if (rv == WEFT_OK) {
        status = put(drawing, &task);
        drawing->drawn++;
    } else if (rv == WEFT_ERR_NOT_FOUND) {
        fflush(stdout);
        fprintf(stderr, "weft: no picture \"%s\": %s\n", ana_plot_name(which), task.why);
    } else {
        fflush(stdout);
        fprintf(stderr, "weft: %s\n", task.why);
        status = rv == WEFT_ERR_UNSUPPORTED ? CLI_BAD_INPUT : CLI_INTERNAL;
    }
    free(task.data);
    return status;
}

/* Without --only: what the files can show. */
static bool is_wanted(const struct drawing *drawing, enum ana_plot which) {
    if (drawing->wishes->has_only) return drawing->wishes->only[which];
    return which == ANA_PLOT_GROWTH ? drawing->has_growth : drawing->runs_count > 0;
}

static bool make_folder(const char *path) {
    struct stat stat_of;
    if (mkdir(path, 0777) == 0) return true;
    if (errno != EEXIST) return false;
    if (stat(path, &stat_of) != 0) return false;
    errno = ENOTDIR;
    return S_ISDIR(stat_of.st_mode);
}

static int draw_all(struct drawing *drawing) {
    const struct wishes *wishes = drawing->wishes;
    if (wishes->folder != NULL && !make_folder(wishes->folder)) return tell_io(wishes->folder);
    for (enum ana_plot which = 0; which < ANA_PLOT_COUNT; which++) {
        int status = is_wanted(drawing, which) ? draw(drawing, which) : CLI_HOLDS;
        if (status != CLI_HOLDS) return status;
    }
    if (drawing->drawn > 0) return CLI_HOLDS;
    fputs("weft: there is nothing to draw\n", stderr);
    return CLI_BAD_INPUT;
}

int cli_plot(struct cli_args args) {
    struct wishes wishes = {.files_count = 0};
    if (!cli_parse(options, args, take_file, &wishes)) return CLI_BAD_INPUT;
    if (wishes.list) {
        print_list();
        return CLI_HOLDS;
    }
    if (wishes.files_count == 0) {
        cli_plot_usage(stderr);
        return CLI_BAD_INPUT;
    }
    if (!wishes.has_format) wishes.format = wishes.folder != NULL ? ANA_PLOT_SVG : ANA_PLOT_DUMB;
    if (wishes.folder == NULL && wishes.format != ANA_PLOT_DUMB) {
        fprintf(stderr, "weft: --format %s is written to files: say where with -o DIR\n",
                formats[wishes.format]);
        return CLI_BAD_INPUT;
    }
    struct drawing drawing = {.wishes = &wishes};
    int status = read_files(&drawing);
    if (status == CLI_HOLDS) status = draw_all(&drawing);
    for (unsigned i = 0; i < drawing.runs_count; i++) ana_series_free(drawing.runs[i]);
    ana_growth_deinit(&drawing.growth);
    return status;
}
