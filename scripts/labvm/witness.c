/*
 * Counts, from outside an emulated machine, every access that a program's own code makes to memory it has mapped: a plugin
 * of qemu. Libraries and the programs' own images lie elsewhere in their address spaces and are left out.
 *
 *   -plugin witness.so,out=FILE
 *
 * FILE is written when qemu ends by itself, one line for each instruction, page and PU:
 *
 *   first instruction virtual-page machine-page pu loads stores      (instruction and pages in hexadecimal)
 *
 * first is the number of the line in the order of first accesses.
 *
 * instruction is what its page of code holds and where it lies within: the same for all processes that run a program, wherever
 * each has it, and wherever the machine moves the page.
 *
 * machine-page is the page of the machine's memory as qemu_plugin_hwaddr_phys_addr gives it: from qemu 8.2 on by its physical
 * address, before by where its block of memory begins in qemu, and again in the machine, and the page within the block.
 *
 * Distributions package qemu without the header of its plugins, so what is used of it is declared here, as the documentation
 * of qemu has it ("QEMU TCG Plugins"): the same in version 1 of the interface, which qemu 6 to 8 take, and in version 2, which 9
 * and 10 take, too. INTERFACE says which, and TELLS_PU whether callbacks are told the PU that runs.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
typedef uint32_t meminfo;
enum { NO_REGISTERS = 0, LOADS_AND_STORES = 3 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *);
bool qemu_plugin_mem_is_store(meminfo);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(meminfo, uint64_t);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t, void (*)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, void (*)(unsigned, meminfo, uint64_t, void *), int, int,
                                      void *);
void qemu_plugin_register_atexit_cb(uint64_t, void (*)(uint64_t, void *), void *);

#if !TELLS_PU
/* No part of the interface, but distributions export them, for qemu's own modules. */
extern __thread void *current_cpu;
void *qemu_get_cpu(int);
#endif

EXPORT int qemu_plugin_version = INTERFACE;

/* Where Linux maps memory and libraries for a program of 64 bits; the program itself lies below, the kernel beyond. */
static const uint64_t MAPPED = UINT64_C(0x700000000000), MAPPED_END = UINT64_C(1) << 47;
static const int PAGE_BITS = 12;

struct count {
    uint64_t first, instruction, virtual_page, machine_page, loads, stores;
    uint32_t pu;
};

/* Open addressing; qemu runs one PU after the other (thread=single), so nothing here is ever entered twice. */
static struct count *counts;
static size_t slots = 1 << 16, used;
static const char *out;

static void *zeroed(size_t n)
{
    void *memory = calloc(n, sizeof(struct count));
    if (!memory) {
        fprintf(stderr, "witness: no memory for %zu counts\n", n);
        exit(1);
    }
    return memory;
}

static struct count *slot_of(uint64_t instruction, uint64_t virtual_page, uint64_t machine_page, uint32_t pu)
{
    uint64_t hash = (((instruction * 31 + virtual_page) * 31 + machine_page) * 31 + pu) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t at = (hash >> 20) % slots;; at = (at + 1) % slots) {
        struct count *one = &counts[at];
        bool is_free = !one->loads && !one->stores;
        if (is_free || (one->instruction == instruction && one->virtual_page == virtual_page &&
                        one->machine_page == machine_page && one->pu == pu)) {
            return one;
        }
    }
}

static void grow(void)
{
    struct count *before = counts;
    size_t n = slots;
    slots *= 2;
    counts = zeroed(slots);
    for (size_t at = 0; at < n; at++) {
        if (before[at].loads || before[at].stores) {
            *slot_of(before[at].instruction, before[at].virtual_page, before[at].machine_page, before[at].pu) = before[at];
        }
    }
    free(before);
}

static void write_counts(uint64_t id, void *nothing)
{
    (void)id, (void)nothing;
    FILE *file = fopen(out, "w");
    if (!file) {
        perror(out);
        return;
    }
    for (size_t at = 0; at < slots; at++) {
        struct count *one = &counts[at];
        if (one->loads || one->stores) {
            fprintf(file, "%lu %lx %lx %lx %u %lu %lu\n", one->first, one->instruction, one->virtual_page, one->machine_page,
                    one->pu, one->loads, one->stores);
        }
    }
    if (fclose(file) != 0) {
        perror(out);
    }
}

/* The PU that makes the access; a callback may be told the one that was there when the code was translated. */
static unsigned running(unsigned told)
{
#if TELLS_PU
    return told;
#else
    static const void *known;
    static unsigned pu;
    (void)told;
    if (known != current_cpu) {
        known = current_cpu;
        for (pu = 0; qemu_get_cpu(pu) != known;) {
            pu++;
        }
    }
    return pu;
#endif
}

static void accessed(unsigned told, meminfo info, uint64_t address, void *instruction)
{
    struct qemu_plugin_hwaddr *where = address >= MAPPED && address < MAPPED_END
                                           ? qemu_plugin_get_hwaddr(info, address)
                                           : NULL;
    if (!where || qemu_plugin_hwaddr_is_io(where)) {
        return;
    }
    if (2 * used >= slots) {
        grow();
    }
    unsigned pu = running(told);
    uint64_t virtual_page = address >> PAGE_BITS, machine_page = qemu_plugin_hwaddr_phys_addr(where) >> PAGE_BITS;
    struct count *one = slot_of((uintptr_t)instruction, virtual_page, machine_page, pu);
    if (!one->loads && !one->stores) {
        *one = (struct count){used++, (uintptr_t)instruction, virtual_page, machine_page, 0, 0, pu};
    }
    if (qemu_plugin_mem_is_store(info)) {
        one->stores++;
    } else {
        one->loads++;
    }
}

/* Its address would not do: qemu 10 translates code once for all processes, with the address that one of them has it at. */
static void *identity(const void *instruction)
{
    const uint64_t *page = (const uint64_t *)((uintptr_t)instruction >> PAGE_BITS << PAGE_BITS);
    uint64_t hash = 0;
    for (size_t at = 0; page && at < (1 << PAGE_BITS) / sizeof *page; at++) {
        hash = (hash ^ page[at]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (void *)(uintptr_t)(hash << PAGE_BITS | (uintptr_t)instruction % (1 << PAGE_BITS));
}

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t at = 0; at < qemu_plugin_tb_n_insns(block); at++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, at);
        if (qemu_plugin_insn_vaddr(instruction) < MAPPED) {
            qemu_plugin_register_vcpu_mem_cb(instruction, accessed, NO_REGISTERS, LOADS_AND_STORES,
                                             identity(qemu_plugin_insn_haddr(instruction)));
        }
    }
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int at = 0; at < argc; at++) {
        if (strncmp(argv[at], "out=", 4) == 0) {
            out = strdup(argv[at] + 4);
        }
    }
    if (!out) {
        fprintf(stderr, "witness: out=FILE is missing\n");
        return 1;
    }
    counts = zeroed(slots);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, write_counts, NULL);
    return 0;
}
