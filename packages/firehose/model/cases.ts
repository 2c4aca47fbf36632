// Sequences that once ended in `synchronized` with records missing, stale or undead. Each is a short list of actions.

import type { Action, Size } from './actions.ts'

/** A named sequence. */
export type ModelCase = {
  readonly name: string
  readonly about: string
  readonly size: Partial<Size>
  readonly actions: readonly Action[]
}

const write = (record: number, damage?: 'too-big' | 'malformed' | 'dropped'): Action => ({
  do: 'write',
  account: 0,
  record,
  ...(damage === undefined ? {} : { damage }),
})
const wait = (ms: number): Action => ({ do: 'wait', ms })
const status = (word: string): Action => ({ do: 'status', account: 0, status: word })
const rotate = (announced: boolean): Action => ({ do: 'rotate', account: 0, announced })
/** Some records that are known, then one that the stream does not tell, and one that shows it: a resync begins. */
const broken: readonly Action[] = [
  write(0),
  wait(60_000),
  ...[1, 2, 3, 4, 5].map((record) => write(record, 'dropped')),
  write(0),
  wait(1500),
]

/** Every sequence. Names are unique and stay. */
export const MODEL_CASES: readonly ModelCase[] = [
  {
    name: 'deleted-while-reading',
    about: 'A resync runs; the account is deleted and purged; the last part arrives.',
    size: {},
    actions: [...broken, status('deleted'), wait(60_000)],
  },
  {
    name: 'back-while-reading',
    about: 'A resync runs; the account is deactivated and comes back; it writes.',
    size: {},
    actions: [...broken, status('deactivated'), wait(100), status('active'), write(3), wait(1000), write(4)],
  },
  {
    name: 'lost-while-reading',
    about: 'A resync runs; an event without content comes.',
    size: {},
    actions: [...broken, write(3, 'too-big'), wait(1000)],
  },
  {
    name: 'outdated-cursor',
    about: 'The server kept less than was missed.',
    size: {},
    actions: [write(0), wait(60_000), write(2), { do: 'gap', relay: 0 }, wait(60_000)],
  },
  {
    name: 'future-cursor',
    about: 'The relay was restored and numbers anew.',
    size: {},
    actions: [write(0), wait(60_000), write(2), { do: 'reset', relay: 0 }, wait(60_000)],
  },
  {
    name: 'clock-ahead',
    about: 'The clock of the host is six minutes ahead: its revs are refused.',
    size: {},
    actions: [write(0), wait(60_000), { do: 'clock', host: 0, ms: 360_000 }, write(1), write(2), wait(1000)],
  },
  {
    name: 'rotated-twice',
    about: 'The key changes a second time within the pause between two refreshes.',
    size: {},
    actions: [write(0), wait(5000), rotate(true), wait(2000), write(1), wait(2000), rotate(false), write(2)],
  },
  {
    name: 'not-found-once',
    about: 'The directory answers 404 for a moment.',
    size: {},
    actions: [{ do: 'directory', mode: 'not-found', ms: 2000 }, write(0), wait(60_000), write(1), write(2)],
  },
  {
    name: 'moved-unseen',
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
    about: 'More collections are wanted than before.',
    size: {},
    actions: [{ do: 'filter', wanted: 1 }, write(0), write(1), wait(5000), { do: 'filter', wanted: 0 }],
  },
  {
    name: 'filter-narrowed',
    about:
      'Fewer collections are wanted than before; a record of one that is not wanted any more is deleted.',
    size: {},
    actions: [write(0), write(1), wait(5000), { do: 'filter', wanted: 1 }, wait(5000), write(1), write(1)],
  },
  {
    name: 'relay-behind',
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
]
