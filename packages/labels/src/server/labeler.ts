// A labeler: what it says is signed, kept, and then told. https://atproto.com/specs/label
import type { Signer } from '@avocet/crypto'
import { createSequencer, type SequencedFrame, type SequencerStats } from '@avocet/sequencer'
import { currentDatetime, isDid, type Datetime, type Did, type Uri } from '@avocet/syntax'
import { LabelsError } from '../error.ts'
import { compareInstants } from '../instants.ts'
import { isInForce } from '../label-set.ts'
import { isLabelValue, parseLabel, type Label } from '../label.ts'
import { signLabel } from '../sign.ts'
import { createDraft, type Draft } from './draft.ts'
import { createLabelLog } from './log.ts'
import { createSigning } from './signing.ts'
import {
  versionOf,
  type LabelPage,
  type LabelQuery,
  type LabelStore,
  type Statement,
  type StoredLabel,
} from './store.ts'

/** What is said of a subject. */
export interface NewLabel {
  /** `at://…` of a record, the DID of an account, or any other URI. */
  readonly uri: Uri | string
  /** The version of the record that it is about. Default: all. */
  readonly cid?: string
  /** At most 128 bytes; lower-case letters and `-` are advised. */
  readonly val: string
  /** When it ends by itself. Default: never. */
  readonly exp?: Datetime | Date
}

/** What is no longer said. */
export interface Negation {
  readonly uri: Uri | string
  /** The version whose label is retracted. Default: the labels of all versions. */
  readonly cid?: string
  readonly val: string
}

/** Options of {@link createLabeler}. */
export interface LabelerOptions {
  /** The labeler's DID: the `src` of its labels. */
  readonly did: Did
  /** The key `#atproto_label` of its DID document. */
  readonly signer: Signer
  readonly store: LabelStore
  /** Clock, milliseconds since the epoch. */
  readonly now?: () => number
  /** Bytes of the newest messages held in memory, once for all subscribers. Default 1 MiB. */
  readonly tailBytes?: number
  /** A subscriber that was at the head and fell this many numbers behind is cut off. Default 100 000. */
  readonly maxLag?: number
  /** Told when the stream could not be read in the background; the next label tries again. */
  readonly onError?: (error: unknown) => void
}

/** One labeler. It alone may write to its store. */
export interface Labeler {
  readonly did: Did
  /**
   * Says all of these, in this order. A label that is in force with the same end already is not said again. Resolves when all are durable:
   * the labels in force, each once; a failure says none of them.
   *
   * @throws LabelsError `invalid-label`, `clock-behind`
   */
  create(labels: NewLabel | readonly NewLabel[]): Promise<readonly StoredLabel[]>
  /**
   * Retracts what is in force of these: a negation for each version that has a label. Gives the negations; none for what is not in force.
   *
   * @throws LabelsError `invalid-label`, `clock-behind`
   */
  negate(labels: Negation | readonly Negation[]): Promise<readonly StoredLabel[]>
  /** Statements by their subjects, signed by the key of now. */
  find(query: LabelQuery): Promise<LabelPage>
  /** The last number whose label is durable. */
  newest(): Promise<number>
  /** Messages after a cursor, then live; as `events` of `@avocet/sequencer`. */
  events(cursor: number | undefined, signal?: AbortSignal): AsyncIterable<SequencedFrame>
  /**
   * Lets the stream begin after what was said before this moment, and drops negations and expired labels from before it. Subscribers
   * with an older cursor are told `OutdatedCursor`. Gives how many were dropped.
   */
  trim(olderThan: Date): Promise<number>
  stats(): SequencerStats
  /** Ends the subscriptions. What is being said is said. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Statements in one call. */
const MAX_AT_ONCE = 1000
const PAGE = 250

/**
 * Makes a labeler. To rotate its key: close it, put the new key into the DID document, make it again with the new signer. Labels are
 * signed anew as they are read, in answers and in the stream; their `cts` stays.
 *
 * @throws LabelsError `invalid-options`
 */
export function createLabeler(options: LabelerOptions): Labeler {
  const { did, signer, store } = options
  if (!isDid(did)) throw new LabelsError('invalid-options', 'not a DID')
  const now = options.now ?? Date.now
  const freshen = createSigning(store, did, signer)
  const sequencer = createSequencer({
    log: createLabelLog(store, freshen),
    retention: { everyMs: 0 },
    tailBytes: options.tailBytes ?? 1024 * 1024,
    ...(options.maxLag === undefined ? {} : { maxLag: options.maxLag }),
    ...(options.onError === undefined ? {} : { onError: options.onError }),
  })
  let last: Promise<unknown> = Promise.resolve()

  /** One call after the other: what a statement follows from is what is kept when it is appended. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work)
    last = result.catch(() => {})
    return result
  }

  const find = async (query: LabelQuery): Promise<LabelPage> => {
    const page = await store.find(query)
    return { ...page, labels: await freshen(page.labels) }
  }

  /** What is kept about one value of one subject. */
  const known = async (uri: string, val: string): Promise<StoredLabel[]> => {
    const all: StoredLabel[] = []
    let after: number | null = 0
    while (after !== null) {
      const page: LabelPage = await store.find({ uris: [uri], prefixes: [], after, limit: PAGE })
      for (const stored of page.labels) {
        if (stored.label.val === val && stored.label.src === did) all.push(stored)
      }
      after = page.next
    }
    return all
  }

  const run = (planOf: (draft: Draft) => Promise<void>): Promise<readonly StoredLabel[]> =>
    inTurn(async () => {
      const draft = createDraft(known)
      await planOf(draft)
      const statements: Statement[] = []
      for (const label of draft.added()) {
        statements.push({ label: await signLabel(label, signer), key: signer.didKey })
      }
      const seqs = statements.length === 0 ? [] : await store.write({ append: statements })
      return draft.results(statements.map((statement, at) => ({ ...statement, seq: seqs[at]! })))
    })

  const close = async (): Promise<void> => {
    await last
    await sequencer.close()
  }

  return {
    did,

    create: (labels) => {
      const wanted = listOf(labels).map((label) => readNew(label, did))
      return run(async (draft) => {
        for (const label of wanted) {
          const before = await draft.about(label.uri, label.val)
          const same = before.find((one) => versionOf(one) === versionOf(label))
          const isSaid = same !== undefined && isInForce(same, now()) && sameEnd(same, label)
          if (isSaid) draft.keep(same)
          else draft.add({ ...label, cts: laterThan(before, now()) })
        }
      })
    },

    negate: (labels) => {
      const wanted = listOf(labels).map((label) => readNew(label, did))
      return run(async (draft) => {
        for (const label of wanted) {
          const before = await draft.about(label.uri, label.val)
          const cts = laterThan(before, now())
          for (const one of before) {
            if (!isInForce(one, now()) || (label.cid !== undefined && one.cid !== label.cid)) continue
            const { uri, val, cid } = one
            draft.add({ src: did, uri, ...(cid === undefined ? {} : { cid }), val, neg: true, cts })
          }
        }
      })
    },

    find,
    newest: async () => (await store.bounds()).newest,
    events: (cursor, signal) => sequencer.events(cursor, signal),

    trim: (olderThan) =>
      inTurn(async () => {
        let dropped = 0
        for (;;) {
          const trim = { olderThan: olderThan.getTime(), at: now(), limit: MAX_AT_ONCE }
          const gone = await store.write({ trim })
          dropped += gone.length
          if (gone.length < MAX_AT_ONCE) return dropped
        }
      }),

    stats: () => sequencer.stats(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A moment that is later than these statements, and not before now. */
function laterThan(statements: readonly Label[], now: number): Datetime {
  let cts = currentDatetime(new Date(now))
  for (const { cts: known } of statements) {
    if (compareInstants(cts, known) > 0) continue
    try {
      cts = currentDatetime(new Date(Date.parse(known) + 1))
    } catch (cause) {
      throw new LabelsError('clock-behind', `no moment is later; cts=${known}`, { cause })
    }
  }
  return cts
}

function sameEnd(a: Label, b: Label): boolean {
  if (a.exp === undefined || b.exp === undefined) return a.exp === b.exp
  return compareInstants(a.exp, b.exp) === 0
}

function listOf<T>(given: T | readonly T[]): readonly T[] {
  const list: readonly T[] = Array.isArray(given) ? given : [given as T]
  if (list.length > MAX_AT_ONCE) {
    throw new LabelsError('invalid-label', `too many at once; max=${MAX_AT_ONCE} got=${list.length}`)
  }
  return list
}

function readNew({ uri, cid, val, exp }: NewLabel, src: Did): Label {
  if (!isLabelValue(val) || val === '') throw new LabelsError('invalid-label', 'not a value; field=val')
  const parsed = parseLabel({
    src,
    uri,
    cid,
    val,
    // Any moment: the real one follows from what is kept.
    cts: '1970-01-01T00:00:00.000Z',
    exp: exp instanceof Date ? currentDatetime(exp) : exp,
  })
  if (!parsed.ok) throw new LabelsError('invalid-label', parsed.error.message)
  return parsed.value
}
