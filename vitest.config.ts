import { defineConfig } from 'vitest/config'

// What is waited for comes late on a busy machine; how soon it comes is said by the tests that are about that.
const expect = { poll: { timeout: 15_000 } }

export default defineConfig({
  test: {
    // Many tests wait for disks and sockets, so a worker more than there are cores keeps those busy.
    maxWorkers: 3,
    // The two projects are run one after the other by scripts/test.ts: e2e starts real processes and wants the machine.
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup: './testing/src/postgres-setup.ts',
          include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts'],
          expect,
          testTimeout: 60_000,
          // Hooks start servers and databases, as tests do.
          hookTimeout: 60_000,
        },
      },
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
