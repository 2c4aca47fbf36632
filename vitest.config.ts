import { defineConfig } from 'vitest/config'

// What is waited for comes late on a busy machine; how soon it comes is said by the tests that are about that.
const expect = { poll: { timeout: 15_000 } }

const unit = {
  globalSetup: './testing/src/postgres-setup.ts',
  expect,
  testTimeout: 60_000,
  // Hooks start servers and databases, as tests do.
  hookTimeout: 60_000,
}

/** Their tests replace modules, start and stop one Postgres a file, or measure the heap: each file has a process of its own. */
const ALONE = [
  ...['accounts', 'blobs', 'postgres', 'repo-postgres', 'repo-server', 'sequencer', 'sqlite'].map(
    (name) => `packages/${name}/test/**/*.test.ts`,
  ),
  'apps/pds/test/**/*.test.ts',
]

export default defineConfig({
  test: {
    // Many tests wait for disks and sockets, so a worker more than there are cores keeps those busy.
    maxWorkers: 3,
    // `unit*` and e2e are run one after the other by scripts/test.ts: e2e starts real processes and wants the machine.
    projects: [
      {
        test: {
          ...unit,
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts'],
          exclude: ALONE,
          // The files of a worker share what they import: to load it anew for each took a third of the time.
          isolate: false,
        },
      },
      { test: { ...unit, name: 'unit-alone', include: ALONE } },
      {
        test: {
          name: 'e2e',
          globalSetup: './testing/src/postgres-setup.ts',
          include: ['e2e/test/**/*.test.ts'],
          expect,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Real processes want the machine: one file has its servers on one core while another's client waits.
          maxWorkers: 2,
        },
      },
    ],
  },
})
