// Sequences that once ended in `synchronized` with records missing, stale or undead. Each is a short list of actions; one with two
// sides has two cases.

import type { Action } from './actions.ts'
import { content, type ModelCase, rotate, status, wait, write } from './case.ts'

const unreachable: Action = { do: 'outage', relay: 0, ms: 5000 }

/** The relay is reached after some records were written, and has lost them; one more shows that, and a resync of all begins. */
const joined: readonly Action[] = [
  unreachable,
  ...[0, 1, 2, 3, 4].map((record) => write(record)),
  { do: 'gap', relay: 0 },
  wait(6000),
  write(5),
]

/** C1 to C18. */
export const SEQUENCES: readonly ModelCase[] = [
  {
    name: 'deleted-while-reading',
    sequence: 'C1',
    about: 'A resync runs; the account is deleted and purged; the last part arrives.',
    size: {},
    actions: [...joined, wait(1500), status('deleted'), wait(60_000)],
  },
  {
    name: 'back-while-reading',
    sequence: 'C2',
    about: 'A resync runs; the account is deactivated and comes back; it writes.',
    size: {},
    actions: [...joined, wait(1500), status('deactivated'), status('active'), write(6), wait(60_000)],
  },
  {
    name: 'lost-while-reading',
    sequence: 'C3',
    about: 'A resync runs; an event without content comes.',
    size: {},
    actions: [...joined, wait(2000), write(6, 'too-big'), wait(1000)],
  },
  {
    name: 'outdated-cursor',
    sequence: 'C4',
    about: 'The server kept less than was missed.',
    size: {},
    actions: [write(0), wait(60_000), unreachable, write(2), { do: 'gap', relay: 0 }, wait(60_000)],
  },
  {
    name: 'future-cursor',
    sequence: 'C5',
    about: 'The relay was restored and numbers anew.',
    size: {},
    actions: [write(0), wait(60_000), unreachable, write(2), { do: 'reset', relay: 0 }, wait(60_000)],
  },
  {
    name: 'clock-ahead',
    sequence: 'C6',
    about: 'The clock of the host is six minutes ahead: its revs are refused.',
    size: {},
    actions: [write(0), wait(60_000), { do: 'clock', host: 0, ms: 360_000 }, write(1), write(2), wait(1000)],
  },
  {
    name: 'rotated-twice',
    sequence: 'C7',
    about: 'The key changes a second time within the pause between two refreshes.',
    size: {},
    actions: [
      write(0),
      wait(5000),
      rotate(false),
      write(1),
      wait(2000),
      rotate(false),
      write(2),
      wait(60_000),
    ],
  },
  {
    name: 'not-found-once',
    sequence: 'C8',
    about: 'The directory answers 404 for a moment.',
    size: {},
    actions: [{ do: 'directory', mode: 'not-found', ms: 2000 }, write(0), wait(60_000), write(1), write(2)],
  },
  {
    name: 'moved-unseen',
    sequence: 'C9',
    about: 'The account moved, nobody told; then there is a gap.',
    size: {},
    actions: [
      write(0),
      wait(60_000),
      { do: 'migrate', account: 0, host: 1, announced: false },
      write(1, 'dropped'),
      write(2),
    ],
  },
  {
    name: 'mirror-stale',
    sequence: 'C10',
    about: 'The mirror gives an old copy.',
    size: { mirror: true },
    actions: [
      write(0),
      wait(60_000),
      { do: 'mirror', mode: 'stale' },
      write(1, 'dropped'),
      write(2),
      wait(60_000),
    ],
  },
  {
    name: 'mirror-html',
    sequence: 'C11',
    about: 'The mirror answers with something that is no repo.',
    size: { mirror: true },
    actions: [
      write(0),
      wait(60_000),
      { do: 'mirror', mode: 'html' },
      write(1, 'dropped'),
      write(2),
      wait(60_000),
    ],
  },
  {
    name: 'filter-widened',
    sequence: 'C12',
    about: 'More collections are wanted than before.',
    size: {},
    actions: [{ do: 'filter', wanted: 1 }, write(0), write(1), wait(5000), { do: 'filter', wanted: 0 }],
  },
  {
    name: 'filter-narrowed',
    sequence: 'C12',
    about:
      'Fewer collections are wanted than before; a record of one that is not wanted any more is deleted.',
    size: {},
    actions: [write(0), write(1), wait(5000), { do: 'filter', wanted: 1 }, wait(5000), write(1), write(1)],
  },
  {
    name: 'no-record',
    sequence: 'C13',
    about: 'The tree holds a list where a record should be: it is there, and it cannot be shown.',
    size: { archives: true },
    actions: [write(0), wait(60_000), content(2, 'list'), wait(60_000), write(1)],
  },
  {
    name: 'block-once-far-apart',
    sequence: 'C14',
    about: 'Two equal records, too large to be kept at hand, stand once in the archive.',
    size: { archives: true },
    actions: [content(0, 'large'), content(2, 'large'), write(1, 'dropped'), write(1), wait(60_000)],
  },
  {
    name: 'relay-behind',
    sequence: 'C15',
    about: 'Two relays; the one that is behind tells of a status long past.',
    size: { relays: 2 },
    actions: [
      write(0),
      wait(60_000),
      { do: 'lag', relay: 1, ms: 20_000 },
      status('deactivated'),
      wait(1000),
      status('active'),
      wait(5000),
      write(1),
      wait(20_000),
      write(2),
    ],
  },
  {
    name: 'handle-not-looked-up',
    sequence: 'C16',
    about: 'A handle cannot be looked up when an #identity comes.',
    size: {},
    actions: [
      write(0),
      { do: 'rename', account: 0 },
      wait(5000),
      { do: 'handles-down', ms: 60_000 },
      { do: 'identity', account: 0 },
      wait(60_000),
    ],
  },
  {
    name: 'gap-behind-the-backlog',
    sequence: 'C17',
    about: 'A repo that is followed has a gap while others, read for the first time, wait.',
    size: { accounts: 4, slots: 1 },
    actions: [
      write(0),
      wait(60_000),
      { do: 'host-slow', host: 0, ms: 600_000 },
      { do: 'host-slow', host: 1, ms: 600_000 },
      ...[1, 2, 3].flatMap((account): Action[] => [
        { do: 'write', account, record: 0, damage: 'dropped' },
        { do: 'write', account, record: 1 },
      ]),
      wait(1000),
      write(1, 'dropped'),
      write(1),
      wait(600_000),
    ],
  },
  {
    name: 'head-only',
    sequence: 'C18',
    about: 'Nothing can be read: a repo is first seen in the middle, and then has a gap.',
    size: { backfill: false, check: false },
    actions: [
      write(0, 'dropped'),
      write(1),
      write(2),
      write(3, 'dropped'),
      write(4),
      { do: 'list' },
      write(5),
    ],
  },
]
