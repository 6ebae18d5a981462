/* Where a process's anonymous pages lie, by move_pages(2) from outside: knows nothing of numalab, libnuma or numa_maps.
 *
 * outside PID   prints "START PAGES absent=A N0=B N1=C ..." for each anonymous mapping that can be written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NODES = 1024, BATCH = 4096 };

static void ask(int pid, unsigned long start, unsigned long pages) {
  unsigned long on[NODES] = {0}, absent = 0;
  static void *address[BATCH];
  static int status[BATCH];
  for (unsigned long first = 0; first < pages; first += BATCH) {
    unsigned long count = pages - first < BATCH ? pages - first : BATCH;
    for (unsigned long i = 0; i < count; i++) address[i] = (void *)(start + (first + i) * 4096);
    if (syscall(SYS_move_pages, pid, count, address, NULL, status, 0) != 0) {
      perror("move_pages");
      exit(1);
    }
    for (unsigned long i = 0; i < count; i++) {
      if (status[i] >= 0 && status[i] < NODES) on[status[i]]++;
      else absent++;
    }
  }
  printf("%lx %lu absent=%lu", start, pages, absent);
  for (int node = 0; node < NODES; node++)
    if (on[node]) printf(" N%d=%lu", node, on[node]);
  printf("\n");
}

int main(int argc, char **argv) {
  char path[64], line[4096], rights[8];
  if (argc != 2) return 2;
  snprintf(path, sizeof path, "/proc/%d/maps", atoi(argv[1]));
  FILE *maps = fopen(path, "r");
  if (!maps) {
    perror(path);
    return 1;
  }
  while (fgets(line, sizeof line, maps)) {
    unsigned long start, end, inode = 1;
    if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &start, &end, rights, &inode) == 4 && inode == 0 && rights[1] == 'w')
      ask(atoi(argv[1]), start, (end - start) / 4096);
  }
  return 0;
}
