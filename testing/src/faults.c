/* Makes the disk under a folder fail, and sets the clock, in a process that this is loaded into (LD_PRELOAD).
   FAULTS names a file of 16 bytes, shared with the test: what syncs fail with (errno, 0 for nothing), what writes fail
   with, and the seconds that the clock is off. FAULTS_FOLDER is the folder. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct control {
  volatile int32_t sync_errno;
  volatile int32_t write_errno;
  volatile int64_t clock_offset;
};

static struct control *control;
static char folder[4096];

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("FAULTS");
  const char *under = getenv("FAULTS_FOLDER");
  int fd;
  if (path == NULL || under == NULL) return;
  fd = open(path, O_RDONLY);
  if (fd < 0) return;
  control = mmap(NULL, sizeof *control, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (control == MAP_FAILED) control = NULL;
  snprintf(folder, sizeof folder, "%s/", under);
}

static int fails(int fd, int error) {
  char link[64], path[4096];
  ssize_t length;
  if (error == 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, folder, strlen(folder)) != 0) return 0;
  /* The memory that SQLite's handles share is none of the disk's. */
  if (length > 4 && strcmp(path + length - 4, "-shm") == 0) return 0;
  errno = error;
  return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAILS(fd, kind) (control != NULL && fails(fd, control->kind))

int fsync(int fd) { return FAILS(fd, sync_errno) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return FAILS(fd, sync_errno) ? -1 : REAL(fdatasync)(fd); }
ssize_t write(int fd, const void *data, size_t size) {
  return FAILS(fd, write_errno) ? -1 : REAL(write)(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return FAILS(fd, write_errno) ? -1 : REAL(pwrite)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  return FAILS(fd, write_errno) ? -1 : REAL(pwrite64)(fd, data, size, at);
}

int clock_gettime(clockid_t id, struct timespec *at) {
  int result = REAL(clock_gettime)(id, at);
  if (control != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += control->clock_offset;
  return result;
}
int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  int result = REAL(gettimeofday)(at, zone);
  if (control != NULL && at != NULL) at->tv_sec += control->clock_offset;
  return result;
}
time_t time(time_t *at) {
  time_t now = REAL(time)(NULL) + (control == NULL ? 0 : (time_t)control->clock_offset);
  if (at != NULL) *at = now;
  return now;
}
