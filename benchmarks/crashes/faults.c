/* Faults on purpose, for benchmarks/crashes/launcher.py: loaded into a process before the C library.

   What is read and written below one folder is counted, and at a chosen call the process is killed,
   or is told that the disk is full, or that it cannot be read. Given a folder for it, files are
   copied there whenever they are brought to disk: what a power cut would leave at the worst.

   The environment says what to do, or faults_arm() in a process that has begun already. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[PATH_MAX];    /* below which calls count; empty: none do */
static char unreadable[PATH_MAX];/* part of the path of files whose reading fails */
static char synced[PATH_MAX];    /* where files are copied that are brought to disk */
static long kill_at;             /* the call at which to be killed; 0: never */
static int is_torn;              /* whether half of what was to be written then is */
static long room = -1;           /* bytes that may still be written; -1: any */
static long n_calls;

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

static void take(char *to, const char *from) {
    to[0] = 0;
    if (from) strncat(to, from, PATH_MAX - 1);
}

__attribute__((visibility("default")))
void faults_arm(const char *below, long at, int torn, long bytes, const char *without,
                const char *copies) {
    take(folder, below);
    take(unreadable, without);
    take(synced, copies);
    kill_at = at;
    is_torn = torn;
    room = bytes;
    n_calls = 0;
}

__attribute__((visibility("default"))) long faults_count(void) { return n_calls; }

__attribute__((constructor)) static void begin(void) {
    take(unreadable, getenv("FAULTS_UNREADABLE"));
}

static int find_path(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int is_below(const char *path) {
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length);
}

static int is_ours(int fd) {
    char path[PATH_MAX];
    return folder[0] && find_path(fd, path) && is_below(path);
}

/* Count a call; whether it is the last. */
static int count(void) { return ++n_calls == kill_at; }

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* How much of a write may be made; -1 for none, as the disk is full. */
static ssize_t admit(int fd, size_t size) {
    if (!is_ours(fd)) return size;
    if (count()) {
        if (is_torn) return size / 2;
        die();
    }
    if (room >= 0) {
        if ((long)size > room) { errno = ENOSPC; return -1; }
        room -= size;
    }
    return size;
}

#define WRITE(name, parameters, arguments, size)                     \
    ssize_t name parameters {                                        \
        REAL(name);                                                  \
        ssize_t admitted = admit(fd, size);                          \
        if (admitted < 0) return -1;                                 \
        int is_last = (size_t)admitted != size;                      \
        size = admitted;                                             \
        ssize_t written = real arguments;                            \
        if (is_last) die();                                          \
        return written;                                              \
    }

WRITE(write, (int fd, const void *data, size_t size), (fd, data, size), size)
WRITE(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), size)
WRITE(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), size)

static int fails(int fd) {
    char path[PATH_MAX];
    if (!unreadable[0] || !find_path(fd, path) || !strstr(path, unreadable)) return 0;
    errno = EIO;
    return 1;
}

#define READ(name, parameters, arguments)                            \
    ssize_t name parameters {                                        \
        REAL(name);                                                  \
        return fails(fd) ? -1 : real arguments;                      \
    }

READ(read, (int fd, void *data, size_t size), (fd, data, size))
READ(pread, (int fd, void *data, size_t size, off_t at), (fd, data, size, at))
READ(pread64, (int fd, void *data, size_t size, off64_t at), (fd, data, size, at))

static void name_copy(const char *path, char *copy) {
    const char *name = strrchr(path, '/');
    snprintf(copy, 2 * PATH_MAX, "%s/%s", synced, name ? name + 1 : path);
}

static void copy_synced(int fd) {
    char path[PATH_MAX], copy[2 * PATH_MAX], block[65536];
    if (!synced[0] || !find_path(fd, path) || !is_below(path)) return;
    name_copy(path, copy);
    static __typeof__(pread64) *get;
    static __typeof__(write) *put;
    if (!get) get = dlsym(RTLD_NEXT, "pread64");
    if (!put) put = dlsym(RTLD_NEXT, "write");
    int from = open(path, O_RDONLY), to = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ssize_t size;
    for (off64_t at = 0; from >= 0 && to >= 0 && (size = get(from, block, sizeof block, at)) > 0;
         at += size)
        if (put(to, block, size) != size) abort();
    if (to >= 0) close(to);
    /* Closing `from` would drop the locks of POSIX that SQLite holds on the same file, so it stays
       open: a few hundred at most. */
}

#define SYNC(name)                                                   \
    int name(int fd) {                                               \
        REAL(name);                                                  \
        if (is_ours(fd) && count()) die();                           \
        int result = real(fd);                                       \
        copy_synced(fd);                                             \
        return result;                                               \
    }

SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, type)                                         \
    int name(int fd, type size) {                                    \
        REAL(name);                                                  \
        if (is_ours(fd) && count()) die();                           \
        return real(fd, size);                                       \
    }

TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int rename(const char *from, const char *to) {
    REAL(rename);
    if (is_below(to) && count()) die();
    int result = real(from, to);
    if (!result && synced[0] && is_below(to)) {
        char from_copy[2 * PATH_MAX], to_copy[2 * PATH_MAX];
        name_copy(from, from_copy);
        name_copy(to, to_copy);
        real(from_copy, to_copy);
    }
    return result;
}

int unlink(const char *path) {
    REAL(unlink);
    if (is_below(path) && count()) die();
    if (synced[0] && is_below(path)) {
        char copy[2 * PATH_MAX];
        name_copy(path, copy);
        real(copy);
    }
    return real(path);
}

int link(const char *from, const char *to) {
    REAL(link);
    if (is_below(to) && count()) die();
    return real(from, to);
}
