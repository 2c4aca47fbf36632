// https://atproto.com/specs/lexicon#lexicon-publication-and-resolution
import type { CID, DataObject } from '@avocet/data'
import type { AtUri, Did, Nsid, RecordKey } from '@avocet/syntax'
import type { LexiconDocument } from '../document.ts'
import type { LexiconIssue } from '../parse/report.ts'

/** Why an NSID has no lexicon, by the step that failed. */
export type ResolveErrorCode =
  | 'invalid-nsid'
  /** No `_lexicon` record in the DNS, or one without a valid DID. */
  | 'no-authority'
  /** Several `_lexicon` records that name different DIDs. */
  | 'ambiguous-authority'
  | 'dns-failed'
  /** The DID does not resolve, or has no PDS or no signing key. */
  | 'did-failed'
  | 'fetch-failed'
  /** What the PDS answered does not prove anything. */
  | 'invalid-proof'
  /** The repository is proved to have no such record. */
  | 'not-found'
  /** The record is no lexicon document, or one of another NSID. */
  | 'invalid-lexicon'

/** Why an NSID has no lexicon. */
export type ResolveFailure = {
  readonly code: ResolveErrorCode
  readonly message: string
  readonly nsid: string
  /** What is wrong with the document, for `invalid-lexicon`. */
  readonly issues?: readonly LexiconIssue[]
  readonly cause?: unknown
}

/** A lexicon as its authority publishes it. */
export type ResolvedLexicon = {
  readonly nsid: Nsid
  readonly document: LexiconDocument
  /** The account that publishes it. */
  readonly did: Did
  readonly uri: AtUri
  /** The CID of the record, proved to be in the repository. */
  readonly cid: CID
}

/** The outcome of a resolution. */
export type ResolveResult<T = ResolvedLexicon> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ResolveFailure }

/** An outcome of one of the functions that the caller gives. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: { readonly message: string } }

/**
 * What resolution needs from the outside. `Key` is whatever `resolveAccount` and `verifyProof` agree on. Each may also
 * throw; that counts as its failure.
 */
export interface LexiconFetchers<Key> {
  /** The TXT records of a name: one text a record, its pieces joined; none is an empty list. */
  readonly lookupTxt: (
    name: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<Outcome<readonly string[]>>
  /** An account's PDS (origin) and signing key, from its DID document. */
  readonly resolveAccount: (
    did: Did,
    options: { readonly signal: AbortSignal; readonly forceRefresh: boolean },
  ) => Promise<Outcome<{ readonly pds: string; readonly key: Key }>>
  /** Gets a URL. It should refuse private addresses, since whoever controls a domain chooses it. */
  readonly fetch: (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>
  /** Checks the CAR that `com.atproto.sync.getRecord` answers, as `verifyRecordProof` of `@avocet/repo` does. */
  readonly verifyProof: (
    car: Uint8Array,
    record: {
      readonly did: Did
      readonly collection: Nsid
      readonly rkey: RecordKey
      readonly key: Key
    },
  ) => Outcome<{ readonly cid: CID | null; readonly record: DataObject | null }>
}

/** Options of `createLexiconResolver`. */
export type LexiconResolverOptions<Key> = LexiconFetchers<Key> & {
  /** How long a lexicon is taken as fresh, in milliseconds (default 10 minutes: DNS changes are not announced). */
  readonly maxAge?: number
  /**
   * How long beyond `maxAge` a lexicon is still given while it cannot be resolved afresh, in milliseconds (default 0:
   * never). For permission sets, the specification recommends a `maxAge` of a day and 90 days of this. A lexicon that
   * is proved to be gone is not given.
   */
  readonly maxStale?: number
  /** How long a failure is remembered, in milliseconds (default 30 seconds). */
  readonly maxFailureAge?: number
  /** Entries remembered (default 1000); the least recently used goes first. */
  readonly maxEntries?: number
  /** For one resolution, all steps together, in milliseconds (default 15 seconds). */
  readonly timeout?: number
  /** Milliseconds by a clock that nobody sets, for the ages (default `performance.now`). */
  readonly now?: () => number
}

/** Resolves NSIDs to the lexicons that their authorities publish. */
export interface LexiconResolver {
  /** Never rejects, except with the reason of `signal`. Concurrent calls for one NSID share the work. */
  resolve(
    nsid: string,
    options?: { readonly signal?: AbortSignal; readonly forceRefresh?: boolean },
  ): Promise<ResolveResult>
  /** Forgets what it knows of an NSID. */
  purge(nsid: string): void
}
