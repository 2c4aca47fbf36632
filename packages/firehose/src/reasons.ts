// Every way an event can fail, one name each, in the order of the checks.
// Spec: https://atproto.com/specs/sync ("Commit validation")

/** What a failure does: see `Verdict`. Only what is signed desynchronizes; what is refused makes a known repo `suspect`. */
export type Effect = 'refused' | 'ignored' | 'desynchronized'

type Reason = { readonly step: string; readonly effect: Effect }

const refused = (step: string): Reason => ({ step, effect: 'refused' })
const ignored = (step: string): Reason => ({ step, effect: 'ignored' })
// The account's repo did change, but this event cannot tell how: it is signed and does not prove what it claims. The repo is
// read again; nothing is lost silently.
const lost = (step: string): Reason => ({ step, effect: 'desynchronized' })

/** Why an event was not accepted. */
export type FailureReason =
  | 'frame-too-big'
  | 'frame-malformed'
  | 'too-costly'
  | 'frame-unknown-type'
  | 'stream-error'
  | 'envelope-malformed'
  | 'did-invalid'
  | 'rev-invalid'
  | 'since-invalid'
  | 'time-invalid'
  | 'blocks-too-big'
  | 'too-many-ops'
  | 'too-big-flag'
  | 'op-malformed'
  | 'wrong-host'
  | 'identity-unresolved'
  | 'account-unknown'
  | 'account-inactive'
  | 'status-overruled'
  | 'status-unconfirmed'
  | 'duplicate'
  | 'rev-future'
  | 'car-malformed'
  | 'block-hash-mismatch'
  | 'car-root-mismatch'
  | 'commit-missing'
  | 'commit-malformed'
  | 'commit-version'
  | 'commit-did-mismatch'
  | 'commit-rev-mismatch'
  | 'key-missing'
  | 'signature-invalid'
  | 'op-path-invalid'
  | 'op-duplicate-path'
  | 'op-not-in-tree'
  | 'op-cid-mismatch'
  | 'record-missing'
  | 'record-too-big'
  | 'record-malformed'
  | 'delete-still-present'
  | 'delete-not-proved'
  | 'node-missing'
  | 'node-malformed'
  | 'legacy-commit'
  | 'inversion-incomplete'
  | 'inversion-mismatch'
  | 'chain-since'
  | 'chain-data'
  | 'sync-diverged'
  | 'desynchronized'
  | 'app-failed'
  | 'queue-full'
  | 'cursor-reset'
  | 'source-failed'
  | 'resync-failed'
  | 'resync-rev-regression'
  | 'resync-terminal'

/** Each reason with the step it belongs to and what it does. */
export const REASONS: Readonly<Record<FailureReason, Reason>> = {
  'frame-too-big': refused('envelope'),
  'frame-malformed': refused('envelope'),
  // More items than any honest frame has; a frame that no thread could prove in time; content that is kept but not read.
  'too-costly': refused('envelope'),
  'frame-unknown-type': ignored('envelope'),
  'stream-error': refused('envelope'),
  'envelope-malformed': refused('envelope'),
  'did-invalid': refused('envelope'),
  'rev-invalid': refused('envelope'),
  'since-invalid': refused('envelope'),
  'time-invalid': refused('envelope'),
  'blocks-too-big': refused('envelope'),
  'too-many-ops': refused('envelope'),
  'too-big-flag': refused('envelope'),
  'op-malformed': refused('envelope'),

  'wrong-host': refused('authority'),
  'identity-unresolved': refused('authority'),
  // Of a DID of which nothing is stored: an #identity or #account without a document, or of too many such DIDs at a time.
  'account-unknown': ignored('authority'),
  'account-inactive': ignored('authority'),
  // A relay said a status that the account's own host denies.
  'status-overruled': ignored('authority'),
  // A relay said a status, and the account's own host has not been heard about it: it is asked later (`RepoState.hearsay`).
  'status-unconfirmed': ignored('authority'),

  duplicate: ignored('order'),
  'rev-future': refused('order'),

  'car-malformed': refused('blocks'),
  'block-hash-mismatch': refused('blocks'),
  'car-root-mismatch': refused('blocks'),
  'commit-missing': refused('blocks'),
  'commit-malformed': refused('blocks'),
  'commit-version': refused('blocks'),
  'commit-did-mismatch': refused('blocks'),
  'commit-rev-mismatch': refused('blocks'),

  'key-missing': refused('signature'),
  'signature-invalid': refused('signature'),

  'op-path-invalid': lost('ops'),
  'op-duplicate-path': lost('ops'),
  'op-not-in-tree': lost('ops'),
  'op-cid-mismatch': lost('ops'),
  'record-missing': lost('ops'),
  'record-too-big': lost('ops'),
  'record-malformed': lost('ops'),
  'delete-still-present': lost('ops'),
  'delete-not-proved': lost('ops'),

  'node-missing': lost('tree'),
  'node-malformed': lost('tree'),

  'legacy-commit': lost('inversion'),
  'inversion-incomplete': lost('inversion'),
  'inversion-mismatch': lost('inversion'),

  'chain-since': lost('chain'),
  'chain-data': lost('chain'),
  'sync-diverged': lost('chain'),
  desynchronized: ignored('chain'),

  'app-failed': lost('app'),
  'queue-full': lost('queue'),
  'cursor-reset': ignored('stream'),
  'source-failed': ignored('stream'),

  'resync-failed': lost('resync'),
  'resync-rev-regression': lost('resync'),
  'resync-terminal': ignored('resync'),
}
