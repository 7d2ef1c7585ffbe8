/* The beginning of an AppImage: static, so that it runs on every Linux of its machine type.
 *
 * The official runtime mounts the image with FUSE, which containers and fresh installations lack. This one
 * unpacks it once into the user's cache, under the hash that was built in, and starts what lies there: the
 * next start finds it unpacked, no mount and no second process stay, and children of CryptoBot start from
 * plain files. Unpacking goes into a folder beside it and is renamed when whole, so that a killed or doubled
 * first start leaves nothing half done.
 *
 * Built with -DIDENTITY="sha256 of the image" -DPROGRAM="path of the program below the image's root".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <squashfuse/squashfuse.h>

#define BLOCK (1 << 18)

static void fail(const char *form, ...) {
    va_list rest;
    va_start(rest, form);
    fputs("CryptoBot.AppImage: ", stderr);
    vfprintf(stderr, form, rest);
    va_end(rest);
    fputc('\n', stderr);
    exit(1);
}

static void join(char *out, const char *folder, const char *name) {
    if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        fail("the path %s/%s is too long", folder, name);
}

/* The image begins where the ELF file ends: behind its table of sections. */
static size_t end_of_elf(const char *path) {
    Elf64_Ehdr header;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, &header, sizeof header) != (ssize_t)sizeof header)
        fail("%s cannot be read: %s", path, strerror(errno));
    close(file);
    return header.e_shoff + (size_t)header.e_shentsize * header.e_shnum;
}

static void make_folders(const char *path) {
    char part[PATH_MAX];
    join(part, path, "");
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir(part, 0700) && errno != EEXIST)
            fail("%s cannot be made: %s", part, strerror(errno));
        *at = '/';
    }
}

static void write_file(sqfs *image, sqfs_inode *inode, const char *path) {
    static char block[BLOCK];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, inode->base.mode & 0777);
    if (file < 0)
        fail("%s cannot be made: %s", path, strerror(errno));
    for (sqfs_off_t at = 0; at < (sqfs_off_t)inode->xtra.reg.file_size;) {
        sqfs_off_t count = BLOCK;
        if (sqfs_read_range(image, inode, at, &count, block) || count <= 0)
            fail("the download is damaged: %s cannot be unpacked", path);
        for (sqfs_off_t done = 0; done < count;) {
            ssize_t wrote = write(file, block + done, (size_t)(count - done));
            if (wrote < 0)
                fail("%s cannot be written: %s", path, strerror(errno));
            done += wrote;
        }
        at += count;
    }
    if (close(file))
        fail("%s cannot be written: %s", path, strerror(errno));
}

static void write_link(sqfs *image, sqfs_inode *inode, const char *path) {
    char target[PATH_MAX];
    size_t size = sizeof target;
    if (sqfs_readlink(image, inode, target, &size) || symlink(target, path))
        fail("the link %s cannot be made", path);
}

static void unpack(const char *self, size_t offset, const char *folder) {
    sqfs image;
    sqfs_traverse walk;
    sqfs_err error;
    char path[PATH_MAX];
    if (sqfs_open_image(&image, self, offset) || sqfs_traverse_open(&walk, &image, sqfs_inode_root(&image)))
        fail("the download is damaged: it holds no image");
    while (sqfs_traverse_next(&walk, &error)) {
        sqfs_inode inode;
        if (walk.dir_end)
            continue;
        if (sqfs_inode_get(&image, &inode, sqfs_dentry_inode(&walk.entry)))
            fail("the download is damaged");
        join(path, folder, walk.path);
        if (S_ISDIR(inode.base.mode)) {
            if (mkdir(path, 0700))
                fail("%s cannot be made: %s", path, strerror(errno));
        } else if (S_ISREG(inode.base.mode)) {
            write_file(&image, &inode, path);
        } else if (S_ISLNK(inode.base.mode)) {
            write_link(&image, &inode, path);
        }
    }
    if (error)
        fail("the download is damaged");
    sqfs_traverse_close(&walk);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info, (void)kind, (void)where;
    return remove(path);
}

/* The folder of the unpacked image, made now if it is not there. A stranger's folder is not trusted. */
static void ready(const char *self, size_t offset, char *folder) {
    char top[PATH_MAX], beside[PATH_MAX], last[NAME_MAX];
    struct stat info;
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        join(top, cache, "cryptobot-appimage");
    else if (home && *home == '/')
        join(top, home, ".cache/cryptobot-appimage");
    else
        fail("HOME is not set, so there is no folder to unpack to");
    make_folders(top);
    if (stat(top, &info) || info.st_uid != geteuid() || info.st_mode & 022)
        fail("%s is not yours alone; set XDG_CACHE_HOME to a folder that is", top);
    join(folder, top, IDENTITY);
    if (!access(folder, F_OK))
        return;
    snprintf(last, sizeof last, ".%.16s.%ld", IDENTITY, (long)getpid());
    join(beside, top, last);
    fprintf(stderr, "CryptoBot.AppImage: unpacking, this once, to %s\n", folder);
    nftw(beside, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (mkdir(beside, 0700))
        fail("%s cannot be made: %s", beside, strerror(errno));
    unpack(self, offset, beside);
    if (rename(beside, folder)) {
        if (access(folder, F_OK))
            fail("%s cannot be made: %s", folder, strerror(errno));
        nftw(beside, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* another start was faster */
    }
}

int main(int count, char **words) {
    char self[PATH_MAX], folder[PATH_MAX], program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        fail("/proc is not there");
    self[length] = 0;
    size_t offset = end_of_elf(self);
    if (count > 1 && !strcmp(words[1], "--appimage-offset")) {
        printf("%zu\n", offset);
        return 0;
    }
    if (count > 1 && !strcmp(words[1], "--appimage-extract")) {
        if (mkdir("squashfs-root", 0755))
            fail("squashfs-root cannot be made here: %s", strerror(errno));
        unpack(self, offset, "squashfs-root");
        puts("squashfs-root");
        return 0;
    }
    ready(self, offset, folder);
    setenv("APPIMAGE", self, 1);
    setenv("APPDIR", folder, 1);
    join(program, folder, PROGRAM);
    words[0] = program;
    execv(program, words);
    fail("%s cannot be started: %s", program, strerror(errno));
}
