// https://atproto.com/specs/sync#commit, https://atproto.com/specs/repository#security-considerations

/** Most writes in one commit. */
export const MAX_WRITES = 200
/** Largest record block, in bytes. */
export const MAX_RECORD_SIZE = 1_000_000
/** Largest `blocks` of a `#commit` event, in bytes of CAR. */
export const MAX_COMMIT_CAR_SIZE = 2_000_000
/** Largest commit block, in bytes; real ones have about 230. */
export const MAX_COMMIT_SIZE = 10_000
