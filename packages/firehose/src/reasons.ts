// Every way an event can fail, one name each. The order is the order of the checks.
// Spec: https://atproto.com/specs/sync ("Commit validation")

/** Each reason with the group of checks it belongs to. */
export const REASONS = {
  // 1. the frame and its envelope
  'frame-too-big': 'envelope',
  'frame-malformed': 'envelope',
  'frame-unknown-type': 'envelope',
  'stream-error': 'envelope',
  'envelope-malformed': 'envelope',
  'did-invalid': 'envelope',
  'rev-invalid': 'envelope',
  'since-invalid': 'envelope',
  'time-invalid': 'envelope',
  'blocks-too-big': 'envelope',
  'too-many-ops': 'envelope',
  'record-too-big': 'envelope',
  'too-big-flag': 'envelope',
  // 2. who may say it
  'wrong-host': 'authority',
  'identity-unresolved': 'authority',
  'account-inactive': 'authority',
  // 3. order
  duplicate: 'order',
  'rev-future': 'order',
  // 4. blocks and the commit
  'car-malformed': 'blocks',
  'block-hash-mismatch': 'blocks',
  'car-root-mismatch': 'blocks',
  'commit-missing': 'blocks',
  'commit-malformed': 'blocks',
  'commit-version': 'blocks',
  'commit-did-mismatch': 'blocks',
  'commit-rev-mismatch': 'blocks',
  // 5. the signature
  'key-missing': 'signature',
  'signature-invalid': 'signature',
  // 6. the operations
  'op-malformed': 'ops',
  'op-path-invalid': 'ops',
  'op-duplicate-path': 'ops',
  'op-not-in-tree': 'ops',
  'op-cid-mismatch': 'ops',
  'record-missing': 'ops',
  'record-malformed': 'ops',
  'delete-still-present': 'ops',
  'delete-not-proved': 'ops',
  // 7. the tree
  'node-missing': 'tree',
  'node-malformed': 'tree',
  // 8. inversion
  'legacy-commit': 'inversion',
  'inversion-incomplete': 'inversion',
  'inversion-mismatch': 'inversion',
  // 9. the chain
  'chain-data': 'chain',
  'chain-since': 'chain',
  'sync-diverged': 'chain',
  desynchronized: 'chain',
  // resync
  'resync-failed': 'resync',
  'resync-rev-regression': 'resync',
  'resync-terminal': 'resync',
  // the stream itself
  'cursor-reset': 'stream',
  'queue-full': 'stream',
} as const

/** Why an event was not accepted. */
export type FailureReason = keyof typeof REASONS
