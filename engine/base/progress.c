#include "base/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum progress_mode mode = PROGRESS_QUIET;

void progress_mode_set(enum progress_mode wanted)
{
    mode = wanted;
}

static unsigned phase, phases;

void progress_phase(unsigned number, unsigned count)
{
    phase = number;
    phases = count;
}

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct progress progress_begin(const char *title, const char *unit, uint64_t total)
{
    return (struct progress){.title = title, .unit = unit, .total = total, .started = clock_seconds()};
}

/* Not getrusage: its maximum survives an exec, so a small program started by a large one would look large. */
double memory_peak(void)
{
    char line[256];
    double kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lf kB", &kilobytes) == 1)
            break;
    if (status)
        fclose(status);
    return kilobytes * 1024;
}

static void progress_show(struct progress *progress, double now)
{
    double elapsed = now - progress->started;
    double rate = elapsed > 0 ? (double)progress->done / elapsed : 0;
    double left = rate > 0 ? (double)(progress->total - progress->done) / rate : 0;
    unsigned percent = progress->total ? (unsigned)(100 * progress->done / progress->total) : 100;
    bool terminal = isatty(STDERR_FILENO);
    char bar[21];
    for (unsigned i = 0; i < 20; i++)
        bar[i] = i < percent / 5 ? '#' : '.';
    bar[20] = '\0';
    char place[40] = "";
    if (phases)
        snprintf(place, sizeof place, "phase %u of %u: ", phase, phases);
    fprintf(stderr, "%s%s%s [%s] %llu/%llu %s, %.3g %s/s, %.0f s left%s", terminal ? "\r\033[K" : "", place,
            progress->title, bar, (unsigned long long)progress->done, (unsigned long long)progress->total,
            progress->unit, rate, progress->unit, left, terminal ? "" : "\n");
    fflush(stderr);
    progress->shown = now;
}

void progress_step(struct progress *progress, uint64_t done)
{
    progress->done = done < progress->total ? done : progress->total;
    double now = clock_seconds();
    double pause = isatty(STDERR_FILENO) ? 0.2 : 10;
    double since = progress->shown > 0 ? progress->shown : progress->started;
    if (mode == PROGRESS_QUIET || now - progress->started < 1 || now - since < pause)
        return;
    progress_show(progress, now);
}

void progress_end(struct progress *progress)
{
    if (mode != PROGRESS_QUIET && progress->shown > 0 && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}
