/* The one-file form: this starter, then an archive of the program's folder (onefile.py writes both).
 *
 * At the first start the archive is unpacked into the user's cache, whole or not at all. Then, and at every later
 * start, this process becomes the unpacked program: nothing stays between it and whoever started it, so signals,
 * exit codes and readiness are the program's own.
 */

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#define MAGIC "CBOTONE1"
#define TRAILER_BYTES 80 /* 8 magic, 8 length of the archive, 64 its name: VERSION-HASH, filled up with zeros */
#define PATH_BYTES 4096
#define CHUNK_BYTES 65536
#define FROM_VARIABLE "CRYPTOBOT_ONEFILE"

typedef struct {
    FILE *file;
    uint64_t left;
    lzma_stream stream;
    uint8_t in[CHUNK_BYTES];
} archive_t;

typedef struct {
    uint8_t kind; /* 'f' a file, 'l' a link, 'e' the end */
    uint32_t mode;
    uint64_t length;
    char path[PATH_BYTES];
} entry_t;

static char unpacking[PATH_BYTES]; /* the folder that is half done, to be swept when we fail */

static void sweep(void) {
    if (unpacking[0] == 0) return;
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/rm", "rm", "-rf", "--", unpacking, (char *)NULL);
        _exit(1);
    }
    if (child > 0) waitpid(child, NULL, 0);
}

static void fail(const char *format, ...) {
    va_list words;
    va_start(words, format);
    fputs("cryptobot: ", stderr);
    vfprintf(stderr, format, words);
    fputc('\n', stderr);
    va_end(words);
    sweep();
    exit(1);
}

static uint64_t number(const uint8_t *bytes, int count) {
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

static void join(char *out, const char *folder, const char *name) {
    int length = snprintf(out, PATH_BYTES, "%s/%s", folder, name);
    if (length < 0 || length >= PATH_BYTES) fail("the path %s/%s is too long.", folder, name);
}

static void own_path(char *out) {
#ifdef __APPLE__
    uint32_t size = PATH_BYTES;
    char raw[PATH_BYTES];
    if (_NSGetExecutablePath(raw, &size) != 0 || realpath(raw, out) == NULL) fail("its own file is not found.");
#else
    ssize_t length = readlink("/proc/self/exe", out, PATH_BYTES - 1);
    if (length < 0) fail("its own file is not found: is /proc mounted?");
    out[length] = 0;
#endif
}

/* Reads the trailer; afterwards the file stands at the beginning of the archive. */
static void open_archive(archive_t *archive, const char *path, char *name) {
    uint8_t trailer[TRAILER_BYTES];
    archive->file = fopen(path, "rb");
    if (archive->file == NULL || fseeko(archive->file, -TRAILER_BYTES, SEEK_END) != 0 ||
        fread(trailer, 1, TRAILER_BYTES, archive->file) != TRAILER_BYTES || memcmp(trailer, MAGIC, 8) != 0)
        fail("%s was not downloaded whole; download it again.", path);
    archive->left = number(trailer + 8, 8);
    memcpy(name, trailer + 16, 64);
    name[64] = 0;
    off_t back = (off_t)archive->left + TRAILER_BYTES;
    if (name[0] == 0 || strchr(name, '/') != NULL || fseeko(archive->file, -back, SEEK_END) != 0)
        fail("%s was not downloaded whole; download it again.", path);
}

static void read_whole(archive_t *archive, void *out, size_t wanted) {
    lzma_stream *stream = &archive->stream;
    stream->next_out = out;
    stream->avail_out = wanted;
    while (stream->avail_out > 0) {
        if (stream->avail_in == 0) {
            size_t most = archive->left < CHUNK_BYTES ? (size_t)archive->left : CHUNK_BYTES;
            stream->next_in = archive->in;
            stream->avail_in = fread(archive->in, 1, most, archive->file);
            archive->left -= stream->avail_in;
        }
        lzma_ret result = lzma_code(stream, archive->left == 0 ? LZMA_FINISH : LZMA_RUN);
        if (result != LZMA_OK && !(result == LZMA_STREAM_END && stream->avail_out == 0))
            fail("its archive is damaged (%d); download it again.", (int)result);
    }
}

/* Only what stays inside the folder: no absolute path, no step upwards. */
static bool stays_inside(const char *path) {
    if (path[0] == 0 || path[0] == '/') return false;
    for (const char *at = path; at != NULL; at = strchr(at, '/')) {
        if (*at == '/') at++;
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == 0)) return false;
    }
    return true;
}

static void next_entry(archive_t *archive, entry_t *entry) {
    uint8_t head[15];
    read_whole(archive, head, sizeof head);
    entry->kind = head[0];
    entry->mode = (uint32_t)number(head + 1, 4);
    entry->length = number(head + 5, 8);
    size_t name = (size_t)number(head + 13, 2);
    if (name >= PATH_BYTES) fail("its archive is damaged; download it again.");
    read_whole(archive, entry->path, name);
    entry->path[name] = 0;
    if (entry->kind != 'e' && !stays_inside(entry->path)) fail("its archive is damaged; download it again.");
}

static void make_folders(char *path, size_t from) {
    for (char *at = path + from; (at = strchr(at, '/')) != NULL; at++) {
        *at = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST) fail("the folder %s cannot be made: %s.", path, strerror(errno));
        *at = '/';
    }
}

static void write_file(archive_t *archive, const entry_t *entry, const char *path) {
    static uint8_t chunk[CHUNK_BYTES];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, entry->mode & 0755);
    if (file < 0) fail("%s cannot be written: %s.", path, strerror(errno));
    for (uint64_t left = entry->length; left > 0;) {
        size_t size = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        read_whole(archive, chunk, size);
        for (size_t done = 0; done < size;) {
            ssize_t wrote = write(file, chunk + done, size - done);
            if (wrote < 0) fail("%s cannot be written: %s.", path, strerror(errno));
            done += (size_t)wrote;
        }
        left -= size;
    }
    if (close(file) != 0) fail("%s cannot be written: %s.", path, strerror(errno));
}

static void unpack(archive_t *archive, const char *folder) {
    static entry_t entry;
    char path[PATH_BYTES], target[PATH_BYTES];
    if (lzma_stream_decoder(&archive->stream, UINT64_MAX, 0) != LZMA_OK) fail("there is not enough memory.");
    for (next_entry(archive, &entry); entry.kind != 'e'; next_entry(archive, &entry)) {
        join(path, folder, entry.path);
        make_folders(path, strlen(folder) + 1);
        if (entry.kind == 'f') {
            write_file(archive, &entry, path);
            continue;
        }
        if (entry.kind != 'l' || entry.length >= PATH_BYTES) fail("its archive is damaged; download it again.");
        read_whole(archive, target, (size_t)entry.length);
        target[entry.length] = 0;
        if (!stays_inside(target) || symlink(target, path) != 0) fail("the link %s cannot be made.", path);
    }
    lzma_end(&archive->stream);
}

/* $XDG_CACHE_HOME/cryptobot or ~/.cache/cryptobot. */
static void cache_folder(char *out) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache != NULL && cache[0] == '/') {
        join(out, cache, "cryptobot");
        return;
    }
    if (home == NULL || home[0] != '/')
        fail("neither HOME nor XDG_CACHE_HOME says where it may unpack itself; set one of them.");
#ifdef __APPLE__
    join(out, home, "Library/Caches/cryptobot");
#else
    join(out, home, ".cache/cryptobot");
#endif
}

/* What others can write may be theirs: it is not run. */
static bool is_ours(const char *folder) {
    struct stat found;
    if (lstat(folder, &found) != 0) return false;
    if (!S_ISDIR(found.st_mode) || found.st_uid != geteuid() || (found.st_mode & 022) != 0)
        fail("%s is not a folder that only you can write, so nothing in it is run; remove it.", folder);
    return true;
}

/* One at a time: what an earlier one left half done is swept, what it finished is there. */
static void wait_for_turn(const char *cache) {
    char path[PATH_BYTES];
    join(path, cache, ".lock");
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* held until this process becomes the program */
    if (lock < 0 || flock(lock, LOCK_EX) != 0) fail("%s cannot be locked: %s.", path, strerror(errno));
}

static void provide(archive_t *archive, const char *cache, const char *folder) {
    char path[PATH_BYTES];
    if (is_ours(folder)) return;
    join(path, cache, "");
    make_folders(path, 1);
    is_ours(cache);
    wait_for_turn(cache);
    if (is_ours(folder)) return;
    join(unpacking, cache, ".unpacking");
    sweep();
    if (mkdir(unpacking, 0700) != 0) fail("the folder %s cannot be made: %s.", unpacking, strerror(errno));
    unpack(archive, unpacking);
    if (rename(unpacking, folder) != 0) fail("%s cannot be put in place: %s.", folder, strerror(errno));
}

int main(int count, char **words) {
    static archive_t archive = {.stream = LZMA_STREAM_INIT};
    char own[PATH_BYTES], name[65], cache[PATH_BYTES], folder[PATH_BYTES], program[PATH_BYTES];
    (void)count;
    umask(umask(0) | 022);
    own_path(own);
    open_archive(&archive, own, name);
    cache_folder(cache);
    join(folder, cache, name);
    provide(&archive, cache, folder);
    fclose(archive.file);
    join(program, folder, "cryptobot");
    setenv(FROM_VARIABLE, own, 1);
    execv(program, words);
    fail("%s cannot be started: %s. (A cache mounted noexec? Name another folder by XDG_CACHE_HOME.)", program,
         strerror(errno));
}
