// Sequences that once ended in `synchronized` with records missing, stale or undead. Each is a short list of actions.
// `sequence`: its number, C1 to C18; without one, it was found by the checker itself. A sequence with two sides has two cases.

import type { Action, Size } from './actions.ts'

/** A named sequence. */
export type ModelCase = {
  readonly name: string
  readonly sequence?: `C${number}`
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
const content = (record: number, kind: 'list' | 'large'): Action => ({
  do: 'write',
  account: 0,
  record,
  content: kind,
})
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
    sequence: 'C1',
    about: 'A resync runs; the account is deleted and purged; the last part arrives.',
    size: {},
    actions: [...broken, status('deleted'), wait(60_000)],
  },
  {
    name: 'back-while-reading',
    sequence: 'C2',
    about: 'A resync runs; the account is deactivated and comes back; it writes.',
    size: {},
    actions: [...broken, status('deactivated'), wait(100), status('active'), write(3), wait(1000), write(4)],
  },
  {
    name: 'lost-while-reading',
    sequence: 'C3',
    about: 'A resync runs; an event without content comes.',
    size: {},
    actions: [...broken, write(3, 'too-big'), wait(1000)],
  },
  {
    name: 'outdated-cursor',
    sequence: 'C4',
    about: 'The server kept less than was missed.',
    size: {},
    actions: [write(0), wait(60_000), write(2), { do: 'gap', relay: 0 }, wait(60_000)],
  },
  {
    name: 'future-cursor',
    sequence: 'C5',
    about: 'The relay was restored and numbers anew.',
    size: {},
    actions: [write(0), wait(60_000), write(2), { do: 'reset', relay: 0 }, wait(60_000)],
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
    actions: [write(0), wait(5000), rotate(true), wait(2000), write(1), wait(2000), rotate(false), write(2)],
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
    actions: [write(0), wait(60_000), write(2), content(0, 'list'), wait(60_000), write(1)],
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
]
