import type { CID } from '@avocet/data'

/**
 * Codes of {@link MstError}:
 * - `missing-block`: a node is needed that was not supplied; `cid` names it.
 * - `malformed-node`: a block is not a valid tree node (encoding, key order, prefix lengths, layer, emptiness, size);
 *   `cid` names it where it is known.
 * - `node-too-large`: a change would make a node above `MAX_NODE_SIZE`, which nobody could read again.
 * - `too-deep`: the tree is deeper than any real one can be.
 * - `invalid-key`: not of the form `collection/rkey`, or too long.
 * - `unsorted`: entries to build from are not in strictly ascending order.
 * - `key-exists`, `key-not-found`: an insert met its key, an update or a removal did not.
 */
export type MstErrorCode =
  | 'missing-block'
  | 'malformed-node'
  | 'node-too-large'
  | 'too-deep'
  | 'invalid-key'
  | 'unsorted'
  | 'key-exists'
  | 'key-not-found'

/** The one error class of this package. */
export class MstError extends Error {
  override readonly name = 'MstError'
  readonly code: MstErrorCode
  /** The node concerned, for `missing-block` always, for `malformed-node` and `too-deep` where known. */
  readonly cid: CID | undefined
  /** The key concerned, for `invalid-key`, `unsorted`, `key-exists` and `key-not-found`. */
  readonly key: string | undefined

  constructor(code: MstErrorCode, message: string, data: { cid?: CID; key?: string; cause?: unknown } = {}) {
    super(message, data.cause === undefined ? undefined : { cause: data.cause })
    this.code = code
    this.cid = data.cid
    this.key = data.key
  }
}
