// Which labels are in force. https://atproto.com/specs/label#label-lifecycle-negation-and-expiration
import { compareInstants, isReached } from './instants.ts'
import type { Label } from './label.ts'

/** What became of a statement. */
export type Applied =
  /** It is the newest of its kind. */
  | 'applied'
  /** A newer one is known already, or this one is. */
  | 'superseded'
  /** There is no room for it. */
  | 'full'

/** Which labels are asked for. */
export interface InForceOptions {
  /** Milliseconds since the epoch. Default: now. */
  readonly at?: number
  /** The version of the record that is there: labels of other versions are left out. Without it all versions count. */
  readonly cid?: string
}

/** Statements of any number of labelers, whatever the order in which they come. */
export interface LabelSet {
  /** Takes a statement, which was verified: what is in force is the same in whatever order, and however often, they come. */
  apply(label: Label): Applied
  /** The labels of a subject that are in force: not negated, not expired. */
  inForce(uri: string, options?: InForceOptions): Label[]
  /** Statements held, negations and expired ones included: an older label may still come. */
  readonly size: number
  /**
   * Forgets negations made, and labels expired, before this moment (milliseconds since the epoch). A label from before that comes
   * later is then taken for new, so keep what the streams in use may still send. Returns how many.
   */
  prune(before: number): number
}

/** Options of {@link createLabelSet}. */
export interface LabelSetOptions {
  /** Statements held at most; further subjects are refused with `full`. Default 1 000 000. */
  readonly maxSize?: number
}

/** What one source says of one value of one subject: at most one statement for each version, the newest. */
interface Group {
  /** By CID; '' for the statement about all versions. */
  readonly versions: Map<string, Label>
  /** The newest negation about all versions. It outlives a later label about all versions, since it retracted those of each version. */
  negation: Label | null
}

/**
 * Makes an empty set.
 *
 * The newest statement about the same source, subject, value and version (`cid`) counts, and nothing older ever comes back, also when it
 * expires. A negation without a version retracts the labels of all versions from before it; one with a version retracts that
 * version's alone. At the same moment a negation counts, then the label that expires later.
 */
export function createLabelSet(options: LabelSetOptions = {}): LabelSet {
  const maxSize = options.maxSize ?? 1_000_000
  const subjects = new Map<string, Map<string, Group>>()
  let size = 0

  const groupOf = (label: Label): Group => {
    let groups = subjects.get(label.uri)
    if (groups === undefined) subjects.set(label.uri, (groups = new Map()))
    const key = keyOf(label)
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { versions: new Map(), negation: null }))
    return group
  }

  return {
    get size() {
      return size
    },

    apply(label) {
      const version = label.cid ?? ''
      const before = subjects.get(label.uri)?.get(keyOf(label))
      const rival = before?.versions.get(version)
      const isNewest = rival === undefined || compareStatements(label, rival) > 0
      const isForAll = label.neg === true && version === ''
      if (before?.negation != null && compareStatements(before.negation, label) >= 0) return 'superseded'
      // A label about all versions that is newer leaves those of single versions to a negation from before it.
      if (!isNewest && !isForAll) return 'superseded'
      if (rival === undefined && size >= maxSize) return 'full'
      const group = before ?? groupOf(label)
      if (isNewest) group.versions.set(version, label)
      if (rival === undefined) size++
      if (!isForAll) return 'applied'
      group.negation = label
      let retracts = isNewest
      for (const [cid, other] of group.versions) {
        if (other === label || compareStatements(label, other) < 0) continue
        group.versions.delete(cid)
        size--
        retracts = true
      }
      // Kept all the same: what it retracts may still come.
      return retracts ? 'applied' : 'superseded'
    },

    inForce(uri, { at = Date.now(), cid } = {}) {
      const labels: Label[] = []
      for (const { versions } of subjects.get(uri)?.values() ?? []) {
        for (const label of versions.values()) {
          if (cid !== undefined && label.cid !== undefined && label.cid !== cid) continue
          if (isInForce(label, at)) labels.push(label)
        }
      }
      return labels
    },

    prune(before) {
      const held = size
      for (const [uri, groups] of subjects) {
        for (const [key, group] of groups) {
          const { versions, negation } = group
          if (negation !== null && isReached(negation.cts, before)) group.negation = null
          for (const [cid, label] of versions) {
            const past = label.neg === true ? label.cts : label.exp
            if (past !== undefined && isReached(past, before) && versions.delete(cid)) size--
          }
          if (versions.size === 0 && group.negation === null) groups.delete(key)
        }
        if (groups.size === 0) subjects.delete(uri)
      }
      return held - size
    },
  }
}

/**
 * The labels among these that are in force, by the rules of {@link createLabelSet}: those of an answer that still has negations and
 * expired labels. They come in the order of their subjects' first statements.
 */
export function mergeLabels(labels: Iterable<Label>, options: InForceOptions = {}): Label[] {
  const set = createLabelSet({ maxSize: Number.POSITIVE_INFINITY })
  const uris = new Set<string>()
  for (const label of labels) {
    uris.add(label.uri)
    set.apply(label)
  }
  const at = options.at ?? Date.now()
  return [...uris].flatMap((uri) => set.inForce(uri, { ...options, at }))
}

/** Whether a statement, the newest of its kind, is a label that counts at this moment (milliseconds since the epoch). */
export function isInForce(label: Label, at: number): boolean {
  return label.neg !== true && (label.exp === undefined || !isReached(label.exp, at))
}

/** A DID has no space; a value may have any. */
const keyOf = ({ src, val }: Label): string => `${src} ${val}`

/** Above zero where `a` supersedes `b`: it is later; at the same moment a negation counts, then the label that expires later. */
function compareStatements(a: Label, b: Label): number {
  const order = compareInstants(a.cts, b.cts)
  if (order !== 0) return order
  const negations = Number(a.neg === true) - Number(b.neg === true)
  if (negations !== 0) return negations
  if (a.exp === undefined || b.exp === undefined) {
    return Number(a.exp === undefined) - Number(b.exp === undefined)
  }
  return compareInstants(a.exp, b.exp)
}
