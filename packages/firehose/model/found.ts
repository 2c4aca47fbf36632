// Sequences that the checker found by itself.

import type { Action } from './actions.ts'
import { type ModelCase, rotate, status, wait, write } from './case.ts'

/** Each with what it takes. */
export const FOUND: readonly ModelCase[] = [
  {
    name: 'status-lost-mirror-asked',
    about:
      'An #account is lost with a gap; then the repo is read from a mirror, which knows nothing of the account.',
    size: { mirror: true },
    actions: [
      write(4),
      write(0),
      wait(1000),
      { do: 'reset', relay: 0 },
      status('deactivated'),
      wait(500),
      { do: 'write', account: 1, record: 0 },
      wait(500),
      { do: 'filter', wanted: 1 },
    ],
  },
  {
    name: 'refused-by-the-app',
    about: 'The app refuses the event that an account is deactivated; a mirror still has the repo.',
    size: { mirror: true },
    actions: [write(0), wait(60_000), { do: 'app-fails' }, status('deactivated'), wait(60_000)],
  },
  {
    name: 'handle-of-a-did-not-found',
    about: 'The directory does not find the DID when an #identity comes.',
    size: {},
    actions: [write(1), { do: 'directory', mode: 'not-found', ms: 120_000 }, rotate(true)],
  },
  {
    name: 'rotated-unseen-before-reading',
    about: 'A repo waits to be read; the key changes, and nobody tells.',
    size: { archives: true },
    actions: [
      write(0),
      wait(5000),
      { do: 'host-down', host: 0, ms: 10_000 },
      write(1, 'dropped'),
      write(2),
      wait(3000),
      rotate(false),
    ],
  },
  {
    name: 'read-before-connected',
    about: 'A repo is listed and read before the stream is reached for the first time; then it writes.',
    size: {},
    actions: [{ do: 'outage', relay: 0, ms: 20_000 }, write(1), { do: 'list' }, write(2)],
  },
  {
    name: 'listed-before-the-doubt',
    about: 'A list of the own host is on its way; an event is refused; the list shows the head from before.',
    size: {},
    actions: [
      write(0),
      wait(60_000),
      { do: 'clock', host: 0, ms: 360_000 },
      write(1),
      wait(5000),
      { do: 'list' },
      write(2),
      wait(5000),
    ],
  },
  {
    name: 'listed-before-the-return',
    about: 'A list of the own host is on its way; the account returns; the list shows it as it was.',
    size: { relays: 2 },
    actions: [
      write(0),
      wait(60_000),
      ...[1, 2, 3, 4].flatMap((): Action[] => [
        status('takendown'),
        wait(5000),
        { do: 'list' },
        status('active'),
        wait(5000),
      ]),
    ],
  },
  {
    name: 'doubted-while-asked',
    about:
      'The host is asked because of a forged event; before its answer is here, an event without content comes.',
    size: {},
    actions: [write(0), wait(60_000), { do: 'forge', account: 0, relay: 0 }, wait(2000), write(1, 'too-big')],
  },
  {
    name: 'listed-while-reading',
    about:
      'A slow host is read; an event is withheld behind that; a list tells of it before the copy is here, which is older.',
    size: {},
    actions: [
      write(0),
      wait(60_000),
      { do: 'host-slow', host: 0, ms: 600_000 },
      write(1, 'dropped'),
      write(0),
      wait(50_000),
      write(2, 'dropped'),
      { do: 'list' },
    ],
  },
  {
    name: 'return-refused-then-asked-for',
    about: 'The app refuses the event that an account is active again; then the operator has the repo read.',
    size: {},
    actions: [
      write(0),
      wait(60_000),
      status('deactivated'),
      wait(5000),
      { do: 'app-fails' },
      status('active'),
      wait(1000),
      { do: 'request', account: 0 },
      wait(60_000),
    ],
  },
  {
    name: 'return-lost-then-asked-for',
    about: 'That an account is active again is lost with a gap; then the operator has the repo read.',
    size: {},
    actions: [
      write(0),
      wait(60_000),
      status('deactivated'),
      wait(5000),
      { do: 'outage', relay: 0, ms: 5000 },
      status('active'),
      { do: 'gap', relay: 0 },
      wait(60_000),
      { do: 'request', account: 0 },
      wait(60_000),
    ],
  },
  {
    name: 'queued-then-failed-mirror-behind',
    about:
      'While a repo is read it writes, and that is queued; the read fails, and with it goes the queue; the next copy is a mirror’s.',
    size: { mirror: true },
    actions: [
      ...[0, 1, 3, 5].map((record) => write(record)),
      wait(60_000),
      { do: 'mirror', mode: 'stale' },
      { do: 'filter', wanted: 1 },
      wait(1500),
      write(2),
      { do: 'app-fails' },
      wait(60_000),
    ],
  },
  {
    name: 'lost-behind-a-repeated-event',
    about:
      'The directory is silent; an account’s first event waits, an unreadable one behind it; the connection is cut, and both come again.',
    size: {},
    actions: [
      { do: 'directory', mode: 'down', ms: 10_000 },
      write(0),
      write(0, 'malformed'),
      { do: 'cut', relay: 0 },
      wait(60_000),
    ],
  },
  {
    name: 'doubt-whose-read-failed',
    about:
      'No host can be asked for its newest rev; a repo that is followed is read for what nobody signed, and its host is down. Slow newcomers wait too.',
    size: { accounts: 4, slots: 1, check: false },
    actions: [
      { do: 'write', account: 2, record: 3 },
      wait(60_000),
      { do: 'host-down', host: 0, ms: 40_000 },
      { do: 'host-slow', host: 1, ms: 600_000 },
      { do: 'forge', account: 2, relay: 0 },
      wait(5000),
      { do: 'write', account: 1, record: 5, damage: 'dropped' },
      { do: 'write', account: 1, record: 4 },
      { do: 'write', account: 3, record: 5, damage: 'dropped' },
      { do: 'write', account: 3, record: 4 },
      wait(400_000),
    ],
  },
]
