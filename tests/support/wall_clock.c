/* A wall clock that a file sets: loaded before a program, it adds the nanoseconds in that file to
 * all readings of the wall clock. What waits until a time on the wall clock, as librdkafka does,
 * waits in pieces, so that a step reaches waits that have begun, as a step of the kernel's clock
 * would. Monotonic clocks and the times of files stay as they are. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define PIECE 50000000LL
/* Seconds; less than this is a time since the machine was started. */
#define EPOCH_TIMES 1000000000L

static const int64_t nothing = 0;
static const volatile int64_t *step = &nothing;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("PYNOMALY_WALL_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *found = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (found != MAP_FAILED)
        step = found;
}

static int64_t real_now(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static struct timespec as_timespec(int64_t ns)
{
    struct timespec found = {ns / SECOND, ns % SECOND};
    return found;
}

static int64_t now_shown(void)
{
    return real_now() + *step;
}

int clock_gettime(clockid_t clock, struct timespec *to)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, to);
    if (code == 0 && *step && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *to = as_timespec(to->tv_sec * SECOND + to->tv_nsec + *step);
    return code;
}

int gettimeofday(struct timeval *to, void *zone)
{
    (void)zone;
    int64_t now = now_shown();
    to->tv_sec = now / SECOND;
    to->tv_usec = now % SECOND / 1000;
    return 0;
}

time_t time(time_t *to)
{
    time_t now = now_shown() / SECOND;
    if (to)
        *to = now;
    return now;
}

int timespec_get(struct timespec *to, int base)
{
    if (base != TIME_UTC)
        return 0;
    *to = as_timespec(now_shown());
    return base;
}

/* Wait in pieces until a time shown; `WAIT` gets the time of the real clock to wait until. */
#define IN_PIECES(WAIT, TIMED_OUT)                                     \
    int64_t until = at->tv_sec * SECOND + at->tv_nsec;                 \
    for (;;) {                                                         \
        int64_t left = until - now_shown();                            \
        struct timespec piece =                                        \
            as_timespec(real_now() + (left > PIECE ? PIECE : left));   \
        int code = WAIT;                                               \
        if (!(TIMED_OUT) || left <= 0)                                 \
            return code;                                               \
    }

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *at)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!real) {
        /* The default of dlsym may be the version for old programs. */
        real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
        if (!real)
            real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    }
    if (at->tv_sec < EPOCH_TIMES)
        return real(cond, mutex, at);
    IN_PIECES(real(cond, mutex, &piece), code == ETIMEDOUT)
}

int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *at)
{
    static int (*real)(cnd_t *, mtx_t *, const struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "cnd_timedwait");
    IN_PIECES(real(cond, mutex, &piece), code == thrd_timedout)
}

int sem_timedwait(sem_t *sem, const struct timespec *at)
{
    static int (*real)(sem_t *, const struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "sem_timedwait");
    IN_PIECES(real(sem, &piece), code != 0 && errno == ETIMEDOUT)
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *at)
{
    static int (*real)(pthread_mutex_t *, const struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
    IN_PIECES(real(mutex, &piece), code == ETIMEDOUT)
}
